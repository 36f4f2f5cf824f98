%% The program: options, exit statuses, cookie, epmd, signals, connections coming and going.
-module(node_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

all() ->
    [version_and_help, bad_options_are_told, name_taken_is_told, folder_unusable_is_told, folder_is_made_with_its_parents, port_used_is_told,
     cookie_from_file_environment_and_home, cookie_that_others_can_read_is_refused, wrong_cookie_is_refused,
     first_line_is_ready, sigterm_and_sigint_exit_0, end_of_stdin_exits_0, long_names, listen_on_loopback,
     own_epmd_port, epmd_is_started, epmd_restarted_is_told_again, every_call_before_sigterm_is_answered,
     same_client_name_again, connects_and_disconnects, half_open_connections_hurt_nobody].

end_per_suite(_Config) ->
    node_case:clean().

init_per_suite(Config) ->
    Config.

init_per_testcase(_Case, Config) ->
    node_case:distribute(),
    Config.

end_per_testcase(_Case, _Config) ->
    ok.

-define(COOKIE, [{"TODO_COOKIE", atom_to_list(erlang:get_cookie())}]).

one_line(Output) ->
    ?assertMatch([_], string:lexemes(Output, "\n")),
    Output.

has(Output, Text) ->
    string:find(Output, Text) =/= nomatch orelse ct:fail({Text, not_in, Output}).

version_and_help(_Config) ->
    {0, Version} = node_case:run(["--version"], []),
    {ok, Expected} = application_version(),
    has(Version, Expected),
    {0, Help} = node_case:run(["--help"], []),
    [has(Help, Option) || Option <- ["--sname", "--name", "--persist", "--workers", "--cookie-file", "--port",
                                     "--listen", "--expire", "--exit-on-eof", "--log-level", "--version", "--help"]],
    ok.

application_version() ->
    _ = application:load(todo),
    application:get_key(todo, vsn).

bad_options_are_told(_Config) ->
    [begin
         {Status, Output} = node_case:run(Arguments, ?COOKIE),
         ?assertEqual({Arguments, 2}, {Arguments, Status}),
         one_line(Output)
     end || Arguments <- [["--nonsense"], ["--workers", "0"], ["--workers", "x"], ["--workers", "65"], ["--port", "70000"],
                          ["--port", "-1"], ["--expire", "-1"], ["--expire", "x"], ["--log-level", "loud"], ["extra"],
                          ["--sname", ""], ["--sname", "a", "--name", "b@c.d"], ["--sname", "a b"], ["--workers"],
                          ["--listen", "nowhere"], ["--persist", ""]]],
    ok.

name_taken_is_told(_Config) ->
    Server = #{node := Node} = node_case:start(),
    [Name, _] = string:split(atom_to_list(Node), "@"),
    {5, Output} = node_case:run(["--sname", Name, "--persist", node_case:folder()], ?COOKIE),
    has(one_line(Output), Name),
    0 = node_case:stop(Server).

folder_unusable_is_told(_Config) ->
    File = filename:join(node_case:folder(), "file"),
    ok = file:write_file(File, <<>>),
    [begin
         {4, Output} = node_case:run(["--sname", node_case:unique("todo"), "--persist", Folder], ?COOKIE),
         has(one_line(Output), Folder)
     end || Folder <- [File, filename:join(File, "below"), "/proc/nothing"]],
    ok.

folder_is_made_with_its_parents(_Config) ->
    Folder = filename:join([node_case:folder(), "a", "b", "c"]),
    Server = node_case:start(#{folder => Folder}),
    ?assert(filelib:is_dir(Folder)),
    0 = node_case:stop(Server).

port_used_is_told(_Config) ->
    {ok, Socket} = gen_tcp:listen(0, []),
    {ok, Port} = inet:port(Socket),
    {7, Output} = node_case:run(["--sname", node_case:unique("todo"), "--persist", node_case:folder(),
                                 "--port", integer_to_list(Port)], ?COOKIE),
    has(one_line(Output), integer_to_list(Port)),
    ok = gen_tcp:close(Socket).

%% From the file, the environment, the home folder, in this order; made there when missing.
cookie_from_file_environment_and_home(_Config) ->
    Cookie = atom_to_list(erlang:get_cookie()),
    Home = node_case:folder(),
    File = filename:join(Home, "cookie"),
    ok = file:write_file(File, Cookie ++ "\n"),
    ok = file:change_mode(File, 8#600),
    One = node_case:start(#{arguments => ["--cookie-file", File], env => [{"TODO_COOKIE", "wrong"}]}),
    pong = net_adm:ping(maps:get(node, One)),
    0 = node_case:stop(One),
    HomeFile = filename:join(Home, ".erlang.cookie"),
    ok = file:write_file(HomeFile, Cookie),
    ok = file:change_mode(HomeFile, 8#400),
    Two = node_case:start(#{env => [{"TODO_COOKIE", false}, {"HOME", Home}]}),
    pong = net_adm:ping(maps:get(node, Two)),
    0 = node_case:stop(Two),
    New = node_case:folder(),
    Three = node_case:start(#{env => [{"TODO_COOKIE", false}, {"HOME", New}]}),
    {ok, Made} = file:read_file(filename:join(New, ".erlang.cookie")),
    ?assertMatch({match, _}, re:run(Made, "^[A-Z]{20}$")),
    true = erlang:set_cookie(maps:get(node, Three), binary_to_atom(Made)),
    pong = net_adm:ping(maps:get(node, Three)),
    0 = node_case:stop(Three).

cookie_that_others_can_read_is_refused(_Config) ->
    File = filename:join(node_case:folder(), "cookie"),
    ok = file:write_file(File, "SECRETCOOKIE"),
    ok = file:change_mode(File, 8#644),
    {3, Output} = node_case:run(["--sname", node_case:unique("todo"), "--persist", node_case:folder(),
                                 "--cookie-file", File], []),
    has(one_line(Output), File),
    ?assertEqual(nomatch, string:find(Output, "SECRETCOOKIE")).

wrong_cookie_is_refused(_Config) ->
    Server = #{node := Node} = node_case:start(#{env => [{"TODO_COOKIE", "another"}]}),
    pang = net_adm:ping(Node),
    true = erlang:set_cookie(Node, another),
    pong = net_adm:ping(Node),
    ?assertEqual([], [L || L <- node_case:lines(Server), string:find(L, "another") =/= nomatch]),
    0 = node_case:stop(Server).

%% Nothing but `ready NODE` on stdout, and calls are answered once it is there.
first_line_is_ready(_Config) ->
    Name = node_case:unique("todo"),
    Port = open_port({spawn_executable, node_case:program()},
                     [{args, ["--sname", Name, "--persist", node_case:folder(), "--exit-on-eof", "--log-level", "none"]},
                      {env, ?COOKIE}, {line, 1000}, use_stdio]),
    Node = node_case:node_name(Name),
    Expected = "ready " ++ atom_to_list(Node),
    receive {Port, {data, {eol, Line}}} -> ?assertEqual(Expected, Line) after 10000 -> error(not_ready) end,
    ?assertEqual(0, gen_server:call({'Elixir.Todo.Cache', Node}, count)),
    monitor_node(Node, true),
    port_close(Port),
    receive {nodedown, Node} -> ok after 10000 -> error(still_there) end.

sigterm_and_sigint_exit_0(_Config) ->
    One = node_case:start(),
    ?assertEqual(0, node_case:stop(One)),
    Two = node_case:start(),
    _ = os:cmd("kill -INT " ++ integer_to_list(node_case:pid_of(Two)) ++ "; kill -INT "
               ++ integer_to_list(node_case:pid_of(Two))),
    ?assertEqual(0, node_case:stop(Two)).

end_of_stdin_exits_0(_Config) ->
    Folder = node_case:folder(),
    Script = "exec 3>/dev/null; echo | \"$@\" --exit-on-eof; echo status $?",
    {0, Output} = node_case:run("/bin/sh", ["-c", Script, "sh", node_case:program(), "--sname",
                                            node_case:unique("todo"), "--persist", Folder], ?COOKIE),
    has(Output, "ready "),
    has(Output, "status 0").

long_names(_Config) ->
    Name = node_case:unique("todo") ++ "@127.0.0.1",
    {Status, Output} = node_case:run("/bin/sh", ["-c", "echo | \"$@\" --exit-on-eof", "sh", node_case:program(),
                                                 "--name", Name, "--persist", node_case:folder()], ?COOKIE),
    ?assertEqual(0, Status),
    has(Output, "ready " ++ Name).

listen_on_loopback(_Config) ->
    Server = #{node := Node} = node_case:start(#{arguments => ["--listen", "127.0.0.1"]}),
    [Name, _] = string:split(atom_to_list(Node), "@"),
    {port, Port, _} = erl_epmd:port_please(Name, {127, 0, 0, 1}),
    {ok, Socket} = gen_tcp:connect({127, 0, 0, 1}, Port, []),
    ok = gen_tcp:close(Socket),
    0 = node_case:stop(Server).

%% ---- epmd ----

own_epmd_port(_Config) ->
    Port = epmd_case:free_port(),
    epmd_case:start(Port),
    Name = node_case:unique("todo"),
    Server = node_case:start(#{name => Name, env => [{"ERL_EPMD_PORT", integer_to_list(Port)}]}),
    ?assert(epmd_case:knows(Port, Name)),
    0 = node_case:stop(Server),
    node_case:await(fun() -> not epmd_case:knows(Port, Name) end),
    ok = epmd_case:kill(Port),
    ok.

epmd_is_started(_Config) ->
    Port = epmd_case:free_port(),
    Name = node_case:unique("todo"),
    Server = node_case:start(#{name => Name, env => [{"ERL_EPMD_PORT", integer_to_list(Port)},
                                                     {"ERL_EPMD_RELAXED_COMMAND_CHECK", "1"}]}),
    ?assert(epmd_case:knows(Port, Name)),
    0 = node_case:stop(Server),
    node_case:await(fun() -> not epmd_case:knows(Port, Name) end),
    ok = epmd_case:kill(Port),
    ok.

epmd_restarted_is_told_again(_Config) ->
    Port = epmd_case:free_port(),
    epmd_case:start(Port),
    Name = node_case:unique("todo"),
    Server = node_case:start(#{name => Name, env => [{"ERL_EPMD_PORT", integer_to_list(Port)}]}),
    ok = epmd_case:kill(Port),
    epmd_case:start(Port),
    node_case:await(fun() -> epmd_case:knows(Port, Name) end),
    0 = node_case:stop(Server),
    ok = epmd_case:kill(Port),
    ok.

%% ---- connections ----

%% What was asked before the signal is answered and on disk.
every_call_before_sigterm_is_answered(_Config) ->
    Server = #{folder := Folder} = node_case:start(),
    Pids = [node_case:list(Server, integer_to_binary(N)) || N <- lists:seq(1, 20)],
    Requests = [gen_server:send_request(Pid, {add_entry, #{date => today, n => N}})
                || N <- lists:seq(1, 50), Pid <- Pids],
    _ = [gen_server:call(Pid, size) || Pid <- Pids],
    0 = node_case:stop(Server),
    ?assertEqual([], [Reply || R <- Requests, Reply <- [gen_server:receive_response(R, 5000)],
                               not is_ok(Reply)]),
    [begin
         {ok, Bytes} = file:read_file(filename:join(Folder, integer_to_list(N))),
         ?assertMatch(#{next_id := 51}, binary_to_term(Bytes))
     end || N <- lists:seq(1, 20)],
    ok.

is_ok({reply, {ok, _}}) -> true;
is_ok(_) -> false.

peer(Name) ->
    {ok, Peer, _} = peer:start(#{name => Name, connection => standard_io,
                                 args => ["-setcookie", atom_to_list(erlang:get_cookie()), "-hidden"]}),
    Peer.

%% A client that is killed and comes back under its name at once.
same_client_name_again(_Config) ->
    Server = #{node := Node} = node_case:start(),
    Name = node_case:unique("client"),
    lists:foreach(fun(_) ->
                          Peer = peer(Name),
                          ?assertEqual(pong, peer:call(Peer, net_adm, ping, [Node])),
                          OsPid = peer:call(Peer, os, getpid, []),
                          unlink(Peer),
                          Monitor = monitor(process, Peer),
                          _ = os:cmd("kill -9 " ++ OsPid),
                          receive {'DOWN', Monitor, process, Peer, _} -> ok after 10000 -> error(no_down) end
                  end, lists:seq(1, 3)),
    0 = node_case:stop(Server).

descriptors(Server) ->
    {ok, Names} = file:list_dir("/proc/" ++ integer_to_list(node_case:pid_of(Server)) ++ "/fd"),
    length(Names).

resident_kb(Server) ->
    {ok, Status} = file:read_file("/proc/" ++ integer_to_list(node_case:pid_of(Server)) ++ "/status"),
    {match, [Kb]} = re:run(Status, "VmRSS:\\s+([0-9]+) kB", [{capture, [1], list}]),
    list_to_integer(Kb).

%% 10 000 connections with a monitor, a link and a call each; descriptors and memory end where they were.
connects_and_disconnects(_Config) ->
    Server = #{node := Node} = node_case:start(#{arguments => ["--log-level", "warn"]}),
    Bob = node_case:list(Server, <<"bob">>),
    connect_disconnect(Node, Bob, 1000),
    true = net_kernel:connect_node(Node),
    Descriptors = descriptors(Server),
    Memory = resident_kb(Server),
    connect_disconnect(Node, Bob, 9000),
    true = net_kernel:connect_node(Node),
    0 = gen_server:call(Bob, size),
    node_case:await(fun() -> descriptors(Server) =< Descriptors end),
    ?assert(resident_kb(Server) < Memory + 2048, {Memory, resident_kb(Server)}),
    0 = node_case:stop(Server).

connect_disconnect(_Node, _Bob, 0) ->
    ok;
connect_disconnect(Node, Bob, N) ->
    Monitor = monitor(process, Bob),
    0 = gen_server:call(Bob, size),
    true = erlang:disconnect_node(Node),
    noconnection = node_case:down(Monitor, Bob),
    connect_disconnect(Node, Bob, N - 1).

%% Sockets that say nothing, rubbish, or half a name: a good client is answered meanwhile, and they are closed.
half_open_connections_hurt_nobody(_Config) ->
    Server = #{node := Node} = node_case:start(#{arguments => ["--log-level", "error"]}),
    [Name, _] = string:split(atom_to_list(Node), "@"),
    {port, Port, _} = erl_epmd:port_please(Name, {127, 0, 0, 1}),
    Sockets = [begin
                   {ok, S} = gen_tcp:connect({127, 0, 0, 1}, Port, [binary, {active, true}]),
                   ok = gen_tcp:send(S, Bytes),
                   S
               end || Bytes <- [<<>>, <<0>>, <<0, 0>>, <<255, 255>>, <<0, 3, "Nab">>, <<0, 1, "N">>, <<"GET / HTTP/1.1\r\n\r\n">>,
                                <<0, 20, $N, 0:64, 0:32, 5:16, "a@b">>], _ <- lists:seq(1, 20)],
    ?assertEqual(0, gen_server:call(node_case:list(Server, <<"bob">>), size, 1000)),
    [receive {tcp_closed, S} -> ok; {tcp_error, S, _} -> ok after 20000 -> error({still_open, S}) end || S <- Sockets],
    ?assertEqual(0, gen_server:call(node_case:list(Server, <<"bob">>), size, 1000)),
    0 = node_case:stop(Server).
