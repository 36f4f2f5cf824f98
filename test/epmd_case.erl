%% An epmd of a test's own, at a port that no other has.
-module(epmd_case).

-export([free_port/0, start/1, kill/1, is_there/1, knows/2]).

-spec free_port() -> inet:port_number().
free_port() ->
    {ok, Socket} = gen_tcp:listen(0, [{reuseaddr, true}]),
    {ok, Port} = inet:port(Socket),
    ok = gen_tcp:close(Socket),
    Port.

-spec start(inet:port_number()) -> ok.
start(Port) ->
    _ = os:cmd("ERL_EPMD_RELAXED_COMMAND_CHECK=1 ERL_EPMD_ADDRESS=127.0.0.1 " ++ command(Port)
               ++ " -daemon -relaxed_command_check"),
    node_case:await(fun() -> is_there(Port) end).

-spec kill(inet:port_number()) -> ok.
kill(Port) ->
    _ = os:cmd("ERL_EPMD_RELAXED_COMMAND_CHECK=1 " ++ command(Port) ++ " -kill 2>&1"),
    node_case:await(fun() -> not is_there(Port) end).

-spec is_there(inet:port_number()) -> boolean().
is_there(Port) ->
    case gen_tcp:connect({127, 0, 0, 1}, Port, []) of
        {ok, Socket} ->
            ok = gen_tcp:close(Socket),
            true;
        {error, _} ->
            false
    end.

%% True if a node of that name is registered there.
-spec knows(inet:port_number(), string()) -> boolean().
knows(Port, Name) ->
    string:find(os:cmd(command(Port) ++ " -names 2>&1"), "name " ++ Name ++ " at port") =/= nomatch.

command(Port) ->
    Program = case os:find_executable("epmd") of
                  false -> filename:join([code:root_dir(), "bin", "epmd"]);
                  Found -> Found
              end,
    "ERL_EPMD_PORT=" ++ integer_to_list(Port) ++ " " ++ Program.
