%% Some BEAMs do everything at once and at random to a node (storm_client), and come and go meanwhile. Nothing must be
%% left of it; the sanitizers look at the rest. STORM_S: for how many seconds, 10 if it is not set.
-module(storm_SUITE).

-include_lib("common_test/include/ct.hrl").

-compile([export_all, nowarn_export_all]).

-define(BEAMS, 3).
-define(AWAIT_MS, 30000).

all() ->
    [storm_of_clients_leaves_nothing].

suite() ->
    [{timetrap, {seconds, seconds() + 120}}].

init_per_suite(Config) ->
    ok = node_case:distribute(),
    Config.

end_per_suite(_Config) ->
    node_case:clean().

%% The node's tables are as they were, and it stops in order.
storm_of_clients_leaves_nothing(_Config) ->
    process_flag(trap_exit, true), % BEAMs are killed
    ok = node_case:seed(),
    Server = node_case:start(#{arguments => ["--log-level", "none", "--net-ticktime", "8"]}),
    Before = tables(Server),
    Names = [node_case:unique("storm") || _ <- lists:seq(1, ?BEAMS)],
    Beams = [{Name, start_beam(Server, Names, Name)} || Name <- Names],
    Left = blow(Server, Names, Beams, erlang:monotonic_time(second) + seconds()),
    _ = [beam_case:stop(Beam) || {_, Beam} <- Left],
    ok = calm(Server, Before),
    0 = node_case:stop(Server).

seconds() ->
    list_to_integer(os:getenv("STORM_S", "10")).

%% ---- the storm ----

blow(#{node := Node} = Server, Names, [{Name, Beam} | Beams], End) ->
    case erlang:monotonic_time(second) < End of
        false ->
            [{Name, Beam} | Beams];
        true ->
            receive after rand:uniform(1000) -> ok end,
            ok = resume(Server),
            Node = erpc:call(Node, erlang, node, [], ?AWAIT_MS),
            blow(Server, Names, Beams ++ [{Name, change(rand:uniform(4), Server, Names, Name, Beam)}], End)
    end.

%% Goes down in order, is killed, loses the connection, or stays.
change(1, Server, Names, Name, Beam) ->
    ok = beam_case:stop(Beam),
    start_beam(Server, Names, Name);
change(2, Server, Names, Name, Beam) ->
    _ = os:cmd("kill -KILL " ++ beam_case:call(Beam, os, getpid, [])),
    ok = beam_case:stop(Beam),
    start_beam(Server, Names, Name);
change(3, #{node := Node}, _Names, _Name, Beam) ->
    _ = beam_case:call(Beam, erlang, disconnect_node, [Node]),
    Beam;
change(4, _Server, _Names, _Name, Beam) ->
    Beam.

start_beam(#{node := Node}, Names, Name) ->
    Hidden = lists:nth(rand:uniform(2), [[], ["-hidden"]]),
    Cookie = atom_to_list(erlang:get_cookie()),
    Beam = beam_case:start(#{args => ["-sname", Name, "-setcookie", Cookie, "-connect_all", "false" | Hidden]}),
    Nodes = [node_case:node_name(Other) || Other <- Names],
    ok = beam_case:call(Beam, storm_client, start, [Node, Nodes, rand:uniform(1 bsl 40)]),
    Beam.

%% ---- afterwards ----

tables(#{node := Node}) ->
    erpc:call(Node, erlang, system_info, [node_tables], ?AWAIT_MS).

%% Who is suspended takes nothing, so that soon nobody would do anything any more.
resume(#{node := Node}) ->
    _ = [{Name, Node} ! {system, {self(), make_ref()}, resume} ||
            Name <- ['Elixir.Todo.Cache', 'Elixir.Todo.Database', rex, appmon_info]],
    ok.

%% Lists stay when their users go: they are ended here.
calm(Server, Before) ->
    ok = resume(Server),
    node_case:await(fun() -> end_lists(Server), tables(Server) =:= Before end).

end_lists(#{node := Node}) ->
    [exit(Pid, kill) || Pid <- erpc:call(Node, erlang, processes, [], ?AWAIT_MS),
                        {initial_call, {'Elixir.Todo.Server', init, 1}} <-
                            [erpc:call(Node, erlang, process_info, [Pid, initial_call], ?AWAIT_MS)]].
