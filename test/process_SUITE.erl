%% The processes of the node beside OTP's: monitors, links, exit signals, stop, sys, supervisors, connections.
-module(process_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(D, {2023, 12, 19}).

all() ->
    [ping_and_connect, monitor_live_dead_unknown, monitor_by_name, demonitor_then_nothing, monitors_in_thousands,
     links_and_exit_reasons, link_to_dead_is_noproc, unlink_then_nothing, linked_client_dies,
     exit_normal_is_ignored, large_structured_reason, stop_is_acknowledged, stop_with_reason, call_to_the_dead_exits,
     stale_pid_of_an_earlier_start, sys_get_state_and_status, sys_suspend_and_resume, sys_statistics_trace_log,
     sys_replace_state, sys_replace_state_is_durable, sys_replace_state_clients_node_dies, supervisor_restarts_database,
     supervisor_terminate_restart_child, system_killed_ends_the_program,
     spawn_of_unknown_code_is_undef, reply_after_timeout_leaves_nothing, nodedown_gives_noconnection, send_request_many,
     global_register_name, two_clients_one_list].

init_per_suite(Config) ->
    [{server, node_case:start()} | Config].

end_per_suite(Config) ->
    0 = node_case:stop(?config(server, Config)),
    node_case:clean().

init_per_testcase(Case, Config) ->
    [{name, list_to_binary(node_case:unique(atom_to_list(Case)))} | Config].

end_per_testcase(_Case, _Config) ->
    process_flag(trap_exit, false),
    ok.

server(Config) ->
    ?config(server, Config).

node_of(Config) ->
    maps:get(node, server(Config)).

list(Config) ->
    node_case:list(server(Config), ?config(name, Config)).

%% A pid that lived a moment ago.
dead(Config) ->
    Pid = node_case:list(server(Config), list_to_binary(node_case:unique("dead"))),
    Monitor = monitor(process, Pid),
    exit(Pid, kill),
    killed = node_case:down(Monitor, Pid),
    Pid.

no_message() ->
    receive Message -> ct:fail({unexpected, Message}) after 0 -> ok end.

%% A call to the same process comes after everything that was sent to it, so what it would have sent is here.
settled(Pid) ->
    0 = gen_server:call(Pid, size),
    no_message().

ping_and_connect(Config) ->
    ?assertEqual(pong, net_adm:ping(node_of(Config))),
    ?assert(net_kernel:connect_node(node_of(Config))),
    ?assert(lists:member(node_of(Config), nodes(hidden))),
    ?assertNot(lists:member(node_of(Config), nodes())).

monitor_live_dead_unknown(Config) ->
    Pid = list(Config),
    Monitor = monitor(process, Pid),
    exit(Pid, shutdown),
    ?assertEqual(shutdown, node_case:down(Monitor, Pid)),
    Again = monitor(process, Pid),
    ?assertEqual(noproc, node_case:down(Again, Pid)).

monitor_by_name(Config) ->
    Name = {'Elixir.Todo.Cache', node_of(Config)},
    Monitor = monitor(process, Name),
    ok = gen_server:stop(Name, shutdown, 5000),
    receive {'DOWN', Monitor, process, Who, Reason} -> ?assertEqual({Name, shutdown}, {Who, Reason})
    after 5000 -> error(no_down) end,
    Nobody = {nobody, node_of(Config)},
    Other = monitor(process, Nobody),
    receive {'DOWN', Other, process, Nobody, noproc} -> ok after 5000 -> error(no_down) end.

demonitor_then_nothing(Config) ->
    Pid = list(Config),
    Monitor = monitor(process, Pid),
    true = demonitor(Monitor, [flush]),
    exit(Pid, kill),
    ?assertNotEqual(Pid, await_other(Config, Pid)),
    no_message().

await_other(Config, Old) ->
    node_case:await(fun() -> list(Config) =/= Old end),
    list(Config).

monitors_in_thousands(Config) ->
    Pid = list(Config),
    Monitors = [monitor(process, Pid) || _ <- lists:seq(1, 5000)],
    {Gone, Kept} = lists:split(2500, Monitors),
    [true = demonitor(M, [flush]) || M <- Gone],
    exit(Pid, boom),
    [?assertEqual(boom, node_case:down(M, Pid)) || M <- Kept],
    no_message().

links_and_exit_reasons(Config) ->
    process_flag(trap_exit, true),
    [begin
         Pid = list(Config),
         link(Pid),
         0 = gen_server:call(Pid, size),
         exit(Pid, Sent),
         receive {'EXIT', Pid, Reason} -> ?assertEqual(Expected, Reason) after 5000 -> error(no_exit) end
     end || {Sent, Expected} <- [{kill, killed}, {shutdown, shutdown}, {{a, "term"}, {a, "term"}}, {<<"x">>, <<"x">>}]],
    no_message().

link_to_dead_is_noproc(Config) ->
    process_flag(trap_exit, true),
    Pid = dead(Config),
    link(Pid),
    receive {'EXIT', Pid, noproc} -> ok after 5000 -> error(no_exit) end.

unlink_then_nothing(Config) ->
    process_flag(trap_exit, true),
    Pid = list(Config),
    link(Pid),
    unlink(Pid),
    Monitor = monitor(process, Pid),
    exit(Pid, boom),
    boom = node_case:down(Monitor, Pid),
    no_message().

%% A link works in the other direction too: the list ends with its client, but not when that ends normally.
linked_client_dies(Config) ->
    Pid = list(Config),
    Monitor = monitor(process, Pid),
    {_, M1} = spawn_monitor(fun() -> link(Pid), 0 = gen_server:call(Pid, size) end),
    receive {'DOWN', M1, process, _, normal} -> ok after 5000 -> error(no_down) end,
    settled(Pid),
    {_, M2} = spawn_monitor(fun() -> link(Pid), 0 = gen_server:call(Pid, size), exit(crash) end),
    receive {'DOWN', M2, process, _, crash} -> ok after 5000 -> error(no_down) end,
    ?assertEqual(crash, node_case:down(Monitor, Pid)).

exit_normal_is_ignored(Config) ->
    Pid = list(Config),
    exit(Pid, normal),
    settled(Pid).

large_structured_reason(Config) ->
    process_flag(trap_exit, true),
    Pid = list(Config),
    Reason = {reason, lists:seq(1, 40000), #{pid => self(), binary => binary:copy(<<7>>, 100000)}},
    Monitor = monitor(process, Pid),
    link(Pid),
    exit(Pid, Reason),
    ?assertEqual(Reason, node_case:down(Monitor, Pid)),
    receive {'EXIT', Pid, Got} -> ?assertEqual(Reason, Got) after 5000 -> error(no_exit) end.

stop_is_acknowledged(Config) ->
    Pid = list(Config),
    Monitor = monitor(process, Pid),
    ?assertEqual(ok, gen_server:stop(Pid)),
    ?assertEqual(normal, node_case:down(Monitor, Pid)),
    ?assertExit(noproc, gen_server:stop(Pid)).

stop_with_reason(Config) ->
    Pid = list(Config),
    Monitor = monitor(process, Pid),
    ?assertEqual(ok, gen_server:stop(Pid, {my, reason}, 5000)),
    ?assertEqual({my, reason}, node_case:down(Monitor, Pid)).

call_to_the_dead_exits(Config) ->
    Pid = dead(Config),
    ?assertExit({noproc, {gen_server, call, [Pid, size]}}, gen_server:call(Pid, size)),
    Nobody = {nobody, node_of(Config)},
    ?assertExit({noproc, {gen_server, call, [Nobody, size]}}, gen_server:call(Nobody, size)),
    NoNode = {nobody, node_case:node_name(node_case:unique("nowhere"))},
    ?assertExit({{nodedown, _}, _}, gen_server:call(NoNode, size)).

stale_pid_of_an_earlier_start(_Config) ->
    Name = node_case:unique("todo"),
    First = node_case:start(#{name => Name}),
    Old = node_case:list(First, <<"bob">>),
    0 = node_case:stop(First),
    Second = node_case:start((maps:with([folder], First))#{name => Name}),
    New = node_case:list(Second, <<"bob">>),
    ?assertNotEqual(Old, New),
    ?assertExit({noproc, _}, gen_server:call(Old, size)),
    exit(Old, kill),
    Old ! stray,
    ?assertEqual(0, gen_server:call(New, size)),
    0 = node_case:stop(Second).

sys_get_state_and_status(Config) ->
    Pid = list(Config),
    {ok, 1} = gen_server:call(Pid, {add_entry, #{date => ?D}}),
    ?assertEqual(#{'__struct__' => 'Elixir.Todo.List', next_id => 2, entries => #{1 => #{date => ?D, id => 1}}},
                 sys:get_state(Pid)),
    {status, Pid, {module, _}, [PDict, running, Parent, [], Misc]} = sys:get_status(Pid),
    ?assert(is_list(PDict)),
    ?assert(is_pid(Parent)),
    ?assertMatch([{header, _}, {data, _}, {data, [{"State", #{next_id := 2}}]}], Misc),
    [?assertMatch({status, _, _, [_, running | _]}, sys:get_status({Name, node_of(Config)}))
     || Name <- ['Elixir.Todo.Cache', 'Elixir.Todo.Database', 'Elixir.Todo.System', 'Elixir.Todo.List']].

sys_suspend_and_resume(Config) ->
    Pid = list(Config),
    ok = sys:suspend(Pid),
    ?assertMatch({status, _, _, [_, suspended | _]}, sys:get_status(Pid)),
    ?assertExit({timeout, _}, gen_server:call(Pid, size, 50)),
    ok = gen_server:cast(Pid, {add_entry, #{date => ?D, title => a}}),
    Request = gen_server:send_request(Pid, entries),
    timeout = gen_server:receive_response(gen_server:send_request(Pid, size), 50),
    ok = sys:resume(Pid),
    {reply, Entries} = gen_server:receive_response(Request, 5000),
    ?assertMatch([#{title := a}], Entries),
    1 = gen_server:call(Pid, size),
    no_message().

sys_statistics_trace_log(Config) ->
    Pid = list(Config),
    ?assertEqual({ok, no_statistics}, sys:statistics(Pid, get)),
    ok = sys:statistics(Pid, true),
    [0 = gen_server:call(Pid, size) || _ <- lists:seq(1, 3)],
    {ok, Statistics} = sys:statistics(Pid, get),
    ?assertMatch(#{messages_in := 3, messages_out := 3, start_time := {{_, _, _}, {_, _, _}}},
                 maps:from_list(Statistics)),
    ok = sys:statistics(Pid, false),
    ok = sys:trace(Pid, true),
    ok = sys:trace(Pid, false),
    ok = sys:log(Pid, true),
    ?assertEqual({ok, []}, sys:log(Pid, get)),
    0 = gen_server:call(Pid, size),
    State = sys:get_state(Pid),
    Self = self(),
    ?assertMatch({ok, [{in, {'$gen_call', {Self, Tag}, size}}, {out, 0, {Self, Tag}, State}]}, sys:log(Pid, get)),
    ok = sys:no_debug(Pid),
    ?assertEqual({ok, []}, sys:log(Pid, get)),
    settled(Pid).

%% The fun runs on this node.
sys_replace_state(Config) ->
    Pid = list(Config),
    {ok, 1} = gen_server:call(Pid, {add_entry, #{date => ?D, title => a}}),
    Add = fun(#{entries := Entries} = List) ->
                  List#{entries := Entries#{7 => #{date => here(), id => 7}}, next_id := 8}
          end,
    Replaced = sys:replace_state(Pid, Add),
    ?assertEqual(Replaced, sys:get_state(Pid)),
    Date = here(),
    ?assertEqual([#{date => Date, id => 7}], gen_server:call(Pid, {entries, Date})),
    ?assertEqual({ok, 8}, gen_server:call(Pid, {add_entry, #{date => ?D}})),
    ?assertError({callback_failed, _, {error, {badarg, not_a_list}}}, sys:replace_state(Pid, fun(_) -> #{} end)),
    [begin
         Server = {Name, node_of(Config)},
         State = sys:get_state(Server),
         ?assertEqual(State, sys:replace_state(Server, fun(S) -> S end)),
         ?assertError({callback_failed, _, {error, {badarg, read_only}}}, sys:replace_state(Server, fun(_) -> x end)),
         ?assertEqual(State, sys:get_state(Server))
     end || Name <- ['Elixir.Todo.Cache', 'Elixir.Todo.Database', 'Elixir.Todo.System', 'Elixir.Todo.List', rex]],
    ?assertEqual(3, gen_server:call(Pid, size)),
    no_message().

here() ->
    {?MODULE, node()}.

sys_replace_state_is_durable(_Config) ->
    First = node_case:start(),
    Bob = node_case:list(First, <<"bob">>),
    [{ok, _} = gen_server:call(Bob, {add_entry, #{date => ?D}}) || _ <- lists:seq(1, 3)],
    Replaced = sys:replace_state(Bob, fun(#{entries := All} = List) -> List#{entries := maps:with([2], All)} end),
    137 = node_case:kill(First),
    Second = node_case:start(maps:with([folder], First)),
    Again = node_case:list(Second, <<"bob">>),
    ?assertEqual(Replaced, sys:get_state(Again)),
    ?assertEqual({ok, 4}, gen_server:call(Again, {add_entry, #{date => ?D}})),
    0 = node_case:stop(Second).

%% The list waits no longer for a fun that can never return, and is as it was.
sys_replace_state_clients_node_dies(Config) ->
    Pid = list(Config),
    {ok, 1} = gen_server:call(Pid, {add_entry, #{date => ?D}}),
    {ok, _, Node} = otp_case:client(node_case:unique("replacer")),
    {_, Code, _} = code:get_object_code(?MODULE),
    {module, ?MODULE} = erpc:call(Node, code, load_binary, [?MODULE, "", Code]),
    OsPid = erpc:call(Node, os, getpid, []),
    Self = self(),
    spawn(Node, ?MODULE, replace_for_ever, [Self, Pid]),
    receive {runs_on, Node} -> ok after 5000 -> ct:fail(does_not_run) end,
    Request = gen_server:send_request(Pid, size),
    timeout = gen_server:wait_response(Request, 50),
    monitor_node(Node, true),
    _ = os:cmd("kill -KILL " ++ OsPid),
    receive {nodedown, Node} -> ok after 5000 -> ct:fail(still_there) end,
    ?assertEqual({reply, 1}, gen_server:receive_response(Request, 5000)),
    ?assertMatch(#{next_id := 2}, sys:get_state(Pid)),
    no_message().

replace_for_ever(Client, Pid) ->
    sys:replace_state(Pid, fun(_) -> Client ! {runs_on, node()}, receive never -> never end end).

%% rest_for_one: what comes after the database ends with it, what comes before stays.
supervisor_restarts_database(Config) ->
    System = {'Elixir.Todo.System', node_of(Config)},
    Bob = list(Config),
    {ok, 1} = gen_server:call(Bob, {add_entry, #{date => ?D, title => a}}),
    Before = maps:from_list([{Id, Pid} || {Id, Pid, _, _} <- supervisor:which_children(System)]),
    #{'Elixir.Todo.Database' := Database, 'Elixir.Todo.Cache' := Cache, 'Elixir.Todo.List' := List} = Before,
    Monitors = [{Pid, monitor(process, Pid)} || Pid <- [Cache, Bob]],
    exit(Database, kill),
    [?assertEqual(shutdown, node_case:down(M, Pid)) || {Pid, M} <- Monitors],
    After = maps:from_list([{Id, Pid} || {Id, Pid, _, _} <- supervisor:which_children(System)]),
    ?assertEqual(List, maps:get('Elixir.Todo.List', After)),
    ?assertNotEqual(Database, maps:get('Elixir.Todo.Database', After)),
    ?assertNotEqual(Cache, maps:get('Elixir.Todo.Cache', After)),
    ?assertMatch([#{title := a}], gen_server:call(list(Config), entries)).

supervisor_terminate_restart_child(Config) ->
    System = {'Elixir.Todo.System', node_of(Config)},
    Id = 'Elixir.Todo.Cache',
    {error, running} = supervisor:restart_child(System, Id),
    ok = supervisor:terminate_child(System, Id),
    ?assertExit({noproc, _}, gen_server:call({Id, node_of(Config)}, count)),
    ?assertMatch({Id, undefined, supervisor, _}, lists:keyfind(Id, 1, supervisor:which_children(System))),
    {ok, Pid} = supervisor:restart_child(System, Id),
    ?assertEqual(0, gen_server:call(Pid, count)),
    {error, not_found} = supervisor:restart_child(System, nobody),
    {error, not_found} = supervisor:terminate_child(System, nobody).

%% As a BEAM that has not loaded the code: the process is there and dies. rpc_SUITE compares.
spawn_of_unknown_code_is_undef(Config) ->
    process_flag(trap_exit, true),
    Node = node_of(Config),
    Reason = {undef, [{nobody, nothing, [1], []}]},
    {Pid, Monitor} = spawn_monitor(Node, nobody, nothing, [1]),
    ?assertEqual(Node, node(Pid)),
    ?assertEqual(Reason, node_case:down(Monitor, Pid)),
    Linked = spawn_link(Node, nobody, nothing, [1]),
    receive {'EXIT', Linked, Why} -> ?assertEqual(Reason, Why) after 5000 -> error(no_exit) end,
    Request = spawn_request(Node, nobody, nothing, [1], [nonsense]),
    receive {spawn_reply, Request, error, badopt} -> ok after 5000 -> error(no_reply) end,
    no_message().

%% Nothing above Todo.System is left to restart it: the program ends with a failure, everything on disk.
system_killed_ends_the_program(_Config) ->
    Server = #{node := Node, folder := Folder} = node_case:start(),
    Bob = node_case:list(Server, <<"bob">>),
    0 = gen_server:call(Bob, size),
    ok = gen_server:cast(Bob, {add_entry, #{date => ?D}}),
    monitor_node(Node, true),
    Name = {'Elixir.Todo.System', Node},
    Monitor = monitor(process, Name),
    {status, System, _, _} = sys:get_status(Name),
    exit(System, kill),
    receive {'DOWN', Monitor, process, Name, killed} -> ok after 5000 -> error(no_down) end,
    receive {nodedown, Node} -> ok after 10000 -> error(still_there) end,
    ?assertEqual(1, node_case:status(Server)),
    {ok, Bytes} = file:read_file(filename:join(Folder, "bob")),
    ?assertMatch(#{next_id := 2}, binary_to_term(Bytes)).

%% The answer to a call that timed out arrives at an alias that is gone.
reply_after_timeout_leaves_nothing(Config) ->
    Pid = list(Config),
    ok = sys:suspend(Pid),
    [?assertExit({timeout, _}, gen_server:call(Pid, size, 10)) || _ <- lists:seq(1, 5)],
    ok = sys:resume(Pid),
    settled(Pid).

nodedown_gives_noconnection(_Config) ->
    process_flag(trap_exit, true),
    Server = #{node := Node} = node_case:start(),
    Pid = node_case:list(Server, <<"bob">>),
    Monitor = monitor(process, Pid),
    link(Pid),
    0 = gen_server:call(Pid, size),
    monitor_node(Node, true),
    137 = node_case:kill(Server),
    receive {nodedown, Node} -> ok after 10000 -> error(no_nodedown) end,
    ?assertEqual(noconnection, node_case:down(Monitor, Pid)),
    receive {'EXIT', Pid, noconnection} -> ok after 5000 -> error(no_exit) end,
    ?assertExit({{nodedown, Node}, _}, gen_server:call({'Elixir.Todo.Cache', Node}, count)).

send_request_many(Config) ->
    Pid = list(Config),
    Requests = [gen_server:send_request(Pid, {add_entry, #{date => ?D, n => N}}) || N <- lists:seq(1, 1000)],
    ?assertEqual([{reply, {ok, N}} || N <- lists:seq(1, 1000)],
                 [gen_server:receive_response(R, 30000) || R <- Requests]),
    no_message().

global_register_name(Config) ->
    Pid = list(Config),
    Name = binary_to_atom(?config(name, Config)),
    yes = global:register_name(Name, Pid),
    ?assertEqual(0, gen_server:call({global, Name}, size)),
    exit(Pid, kill),
    node_case:await(fun() -> global:whereis_name(Name) =:= undefined end).

%% A second BEAM as a client: both see each other's changes, in order; its end hurts nobody.
two_clients_one_list(Config) ->
    Pid = list(Config),
    {ok, Peer, Other} = peer:start(#{name => peer:random_name(), connection => standard_io,
                                     args => ["-setcookie", atom_to_list(erlang:get_cookie()), "-hidden"]}),
    ?assertEqual({ok, 1}, peer:call(Peer, gen_server, call, [Pid, {add_entry, #{date => ?D, title => other}}])),
    {ok, 2} = gen_server:call(Pid, {add_entry, #{date => ?D, title => this}}),
    ?assertEqual([other, this], [T || #{title := T} <- peer:call(Peer, gen_server, call, [Pid, entries])]),
    ?assertMatch([#{title := other}, #{title := this}], gen_server:call(Pid, {entries, ?D})),
    ok = peer:stop(Peer),
    ?assertNot(lists:member(Other, nodes(connected))),
    ?assertEqual(2, gen_server:call(Pid, size)).
