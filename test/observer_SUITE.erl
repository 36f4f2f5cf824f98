%% What OTP's observer, etop and appmon ask of a node: the same questions to a BEAM and to our node. The answers have
%% the same form, and ours are about our processes.
-module(observer_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(DEADLINE_MS, 10000).

all() ->
    [answers_have_the_same_form, system_page_is_true, modules_are_known, processes_are_collected, etop_is_answered,
     stats_come_until_told_to_stop, stats_end_with_the_listener, applications_are_shown, process_window_is_answered,
     sys_by_rpc_is_sys, a_stop_does_not_wait_for_collectors].

init_per_suite(Config) ->
    ok = node_case:distribute(),
    Cookie = atom_to_list(erlang:get_cookie()),
    {ok, Peer, Beam} = peer:start(#{name => node_case:unique("beam"), connection => standard_io,
                                    args => ["-hidden", "-setcookie", Cookie]}),
    true = net_kernel:connect_node(Beam),
    [{server, node_case:start()}, {peer, Peer}, {beam, Beam} | Config].

end_per_suite(Config) ->
    ok = peer:stop(?config(peer, Config)),
    0 = node_case:stop(?config(server, Config)),
    node_case:clean().

init_per_testcase(_Case, Config) ->
    process_flag(trap_exit, true),
    Config.

end_per_testcase(_Case, _Config) ->
    process_flag(trap_exit, false),
    ok.

ours(Config) ->
    maps:get(node, ?config(server, Config)).

%% The BEAM's answer and ours.
both(Config, Fun) ->
    [Fun(Node) || Node <- [?config(beam, Config), ours(Config)]].

%% ---- forms

form(Number) when is_number(Number) -> number;
form(Boolean) when is_boolean(Boolean) -> boolean;
form(Atom) when is_atom(Atom) -> atom;
form(Pid) when is_pid(Pid) -> pid;
form([{_, _} | _] = Pairs) -> [{Key, form(Value)} || {Key, Value} <- Pairs];
form([Character | _]) when is_integer(Character) -> string;
form([Head | _]) -> [form(Head)];
form(Tuple) when is_tuple(Tuple), is_atom(element(1, Tuple)) ->
    list_to_tuple([element(1, Tuple) | [form(Element) || Element <- tl(tuple_to_list(Tuple))]]);
form(Tuple) when is_tuple(Tuple) -> list_to_tuple([form(Element) || Element <- tuple_to_list(Tuple)]);
form(Term) -> Term.

%% Which allocators there are differs; what is told of one does not.
form_of_item({alloc_info, Allocators}) -> {alloc_info, is_list(Allocators)};
form_of_item({Key, Value}) -> {Key, form(Value)}.

answers_have_the_same_form(Config) ->
    Call = fun(F, A) -> fun(Node) -> rpc:call(Node, observer_backend, F, A) end end,
    Same = fun(F, A, Form) ->
                   [Beam, Ours] = both(Config, Call(F, A)),
                   ?assertEqual({F, Form(Beam)}, {F, Form(Ours)})
           end,
    Same(sys_info, [], fun(Info) -> [form_of_item(Item) || Item <- Info] end),
    Same(vsn, [], fun form/1),
    Same(socket_info, [], fun(Info) -> lists:sort(form(Info)) end),
    Same(get_socket_list, [], fun(List) -> List end),
    Same(get_port_list, [], fun is_list/1),
    Same(get_table_list, [ets, [{sys_hidden, true}, {unread_hidden, true}]], fun is_list/1),
    Same(get_table_list, [mnesia, []], fun({error, Text}) -> hd(string:split(Text, ":")) end),
    ?assertMatch({badrpc, {'EXIT', {undef, [{observer_backend, ttb_stop, [x], []} | _]}}},
                 rpc:call(ours(Config), observer_backend, ttb_stop, [x])).

system_page_is_true(Config) ->
    Node = ours(Config),
    _ = node_case:list(?config(server, Config), <<"system_page">>),
    Info = rpc:call(Node, observer_backend, sys_info, []),
    Value = fun(Key) -> proplists:get_value(Key, Info) end,
    ?assertEqual(Value(process_count), length(erpc:call(Node, erlang, processes, []))),
    ?assertEqual({0, 0, 0}, {Value(port_count), Value(ets_count), Value(atom_count)}),
    ?assert(Value(total) >= Value(processes)),
    ?assert(Value(io_input) > 0),
    %% none of its limits is one that observer would divide by when it is 0
    [?assert(Value(Limit) > 0) || Limit <- [process_limit, port_limit, ets_limit, atom_limit]],
    case Value(alloc_info) of
        [{sys_alloc, false}] ->
            ok; % the allocator does not tell
        [{sys_alloc, [{instance, 0, [{mbcs, [Blocks, {carriers_size, Held, _, _}]}]}]}] ->
            {blocks, [{sys_alloc, [{size, Used, _, _}]}]} = Blocks,
            ?assert(Used > 0),
            ?assert(Held >= Used)
    end.

modules_are_known(Config) ->
    Node = ours(Config),
    %% what observer asks before it uses a backend
    ?assertEqual({module, observer_backend}, rpc:call(Node, code, ensure_loaded, [observer_backend])),
    [?assertEqual({F, A, true}, {F, A, rpc:call(Node, erlang, function_exported, [observer_backend, F, A])})
     || {F, A} <- [{procs_info, 1}, {get_port_list, 0}, {get_socket_list, 0}]],
    [?assertEqual(rpc:call(?config(beam, Config), M, F, A), rpc:call(Node, M, F, A))
     || {M, F, A} <- [{erlang, function_exported, [erlang, node, 0]}, {erlang, function_exported, [foo, bar, 1]},
                      {code, which, [no_such_module]}, {code, which, [erlang]}, {code, is_loaded, [no_such_module]},
                      {code, ensure_loaded, [no_such_module]}]],
    Loaded = rpc:call(Node, code, all_loaded, []),
    ?assertEqual(lists:usort(Loaded), lists:sort(Loaded)),
    ?assert(lists:member({observer_backend, preloaded}, Loaded)),
    [{todo, Description, Version}] = rpc:call(Node, application, which_applications, []),
    ?assert(is_list(Description)),
    _ = application:load(todo),
    {ok, Version} = application:get_key(todo, vsn).

%% As observer's process page does: a linked process sends the list and ends.
collect(Node) ->
    Collector = spawn_link(Node, observer_backend, procs_info, [self()]),
    collected(Collector, []).

collected(Collector, Processes) ->
    receive
        {procs_info, Collector, More} -> collected(Collector, More ++ Processes);
        {'EXIT', Collector, Reason} -> ?assertEqual(normal, Reason), Processes
    after ?DEADLINE_MS ->
            error(no_processes)
    end.

processes_are_collected(Config) ->
    Node = ours(Config),
    Bob = node_case:list(?config(server, Config), <<"processes_are_collected">>),
    0 = gen_server:call(Bob, size),
    [Beam, Ours] = both(Config, fun collect/1),
    Form = fun({etop_proc_info, _, _, _, _, _, {_, _, _}, _} = Process) ->
                   setelement(7, setelement(5, form(Process), name), function)
           end,
    ?assertEqual(lists:usort(lists:map(Form, Beam)), lists:usort(lists:map(Form, Ours))),
    Pids = [element(2, Process) || Process <- Ours],
    Processes = erpc:call(Node, erlang, processes, []),
    ?assertEqual([], Pids -- Processes),
    ?assertMatch([_WhoAsked], Processes -- Pids),
    {etop_proc_info, Bob, Memory, Reductions, Name, 0, Current, 0} = lists:keyfind(Bob, 2, Ours),
    ?assertEqual({'Elixir.Todo.Server', init, 1}, Name),
    ?assertEqual([{reductions, Reductions}, {current_function, Current}, {memory, Memory}],
                 erpc:call(Node, erlang, process_info, [Bob, [reductions, current_function, memory]])),
    Names = [element(5, Process) || Process <- Ours, is_atom(element(5, Process))],
    ?assertEqual(lists:sort(erpc:call(Node, erlang, registered, [])), lists:sort(Names)).

etop_is_answered(Config) ->
    Self = self(),
    Collect = fun(Node) ->
                      Collector = spawn_link(Node, observer_backend, etop_collect, [Self]),
                      Info = receive {Collector, Etop} -> Etop after ?DEADLINE_MS -> error(no_info) end,
                      receive {'EXIT', Collector, normal} -> Info after ?DEADLINE_MS -> error(no_exit) end
              end,
    %% the first time starts to count scheduler time, for as long as the collector lives
    Form = fun(Info) -> form(setelement(9, Info, processes)) end,
    [Beam, Ours] = both(Config, Collect),
    ?assertEqual(Form(Beam), Form(Ours)),
    ?assertEqual(undefined, element(5, Ours)),
    [{1, Active, Total}] = element(5, Collect(ours(Config))),
    ?assert(Active =< Total),
    ?assertEqual(length(element(9, Ours)), element(3, Ours)).

stats_come_until_told_to_stop(Config) ->
    Node = ours(Config),
    Before = erpc:call(Node, erlang, system_info, [process_count]),
    [Beam, Ours] = both(Config, fun stats_of/1),
    Form = fun({stats, 1, WallTime, Io, Memory}) -> {is_list(WallTime), form(Io), form(Memory)} end,
    ?assertEqual(lists:map(Form, Beam), lists:map(Form, Ours)),
    %% time goes on, and so does what was sent
    [{stats, 1, [{1, _, T1}], {_, {output, O1}}, _}, _, {stats, 1, [{1, _, T3}], {_, {output, O3}}, _}] = Ours,
    ?assert(T3 > T1),
    ?assert(O3 > O1),
    ?assertEqual(Before, erpc:call(Node, erlang, system_info, [process_count])),
    ?assertMatch({badrpc, {'EXIT', {badarg, [{observer_backend, fetch_stats, [x, y], _}]}}},
                 rpc:call(Node, observer_backend, fetch_stats, [x, y])).

stats_of(Node) ->
    Collector = spawn_link(Node, observer_backend, fetch_stats, [self(), 10]),
    Three = [receive {stats, 1, _, _, _} = Stats -> Stats after ?DEADLINE_MS -> error(no_stats) end
             || _ <- lists:seq(1, 3)],
    Collector ! exit,
    receive {'EXIT', Collector, Reason} -> ?assertEqual(normal, Reason) after ?DEADLINE_MS -> error(no_exit) end,
    flush(),
    Three.

flush() ->
    receive {stats, 1, _, _, _} -> flush() after 0 -> ok end.

stats_end_with_the_listener(Config) ->
    Self = self(),
    {Listener, ListenerMonitor} = spawn_monitor(fun() -> receive {stats, _, _, _, _} = Stats -> Self ! Stats end end),
    {Collector, Monitor} = spawn_monitor(ours(Config), observer_backend, fetch_stats, [Listener, 10]),
    receive {stats, 1, _, _, _} -> ok after ?DEADLINE_MS -> error(no_stats) end,
    normal = node_case:down(ListenerMonitor, Listener),
    normal = node_case:down(Monitor, Collector).

%% As observer's page "Applications" does.
applications_are_shown(Config) ->
    Node = ours(Config),
    Server = ?config(server, Config),
    Bob = node_case:list(Server, <<"applications_are_shown">>),
    {ok, Appmon} = appmon_info:start_link(Node, self(), []),
    ?assertEqual({ok, Appmon}, appmon_info:start_link(Node, self(), [])),
    appmon_info:app_ctrl(Appmon, Node, true, [{timeout, 100}]),
    System = erpc:call(Node, erlang, whereis, ['Elixir.Todo.System']),
    [{System, todo, {todo, _, _}}] = delivery(Appmon, app_ctrl, Node),
    appmon_info:app(Appmon, todo, true, [{timeout, 100}]),
    {"Elixir.Todo.System", Names, Links, []} = delivery(Appmon, app, todo),
    ?assertEqual({System, "Elixir.Todo.System"}, hd(Names)),
    {Bob, BobText} = lists:keyfind(Bob, 1, Names),
    ?assert(lists:member({"Elixir.Todo.Cache", BobText}, Links)),
    [?assert(lists:member({"Elixir.Todo.System", Child}, Links))
     || Child <- ["Elixir.Todo.Cache", "Elixir.Todo.Database", "Elixir.Todo.List"]],
    %% what changes is told again
    Alice = node_case:list(Server, <<"applications_are_shown_2">>),
    {_, More, _, _} = delivery(Appmon, app, todo),
    ?assertEqual([Alice], [Pid || {Pid, _} <- More -- Names]),
    appmon_info:app(Appmon, todo, false, []),
    appmon_info:app(Appmon, kernel, true, [{timeout, at_most_once}]),
    ?assertEqual({[], [], [], []}, delivery(Appmon, app, kernel)),
    %% it ends with its starter
    Monitor = monitor(process, Appmon),
    exit(Appmon, normal),
    normal = node_case:down(Monitor, Appmon),
    ?assertEqual(undefined, erpc:call(Node, erlang, whereis, [appmon_info])).

delivery(Appmon, Command, Aux) ->
    receive
        {delivery, Appmon, Command, Aux, Result} -> Result
    after ?DEADLINE_MS ->
            error({no_delivery, Command, Aux})
    end.

%% Each question of observer's process window, and what it does with the answer.
process_window_is_answered(Config) ->
    Node = ours(Config),
    Server = ?config(server, Config),
    Bob = node_case:list(Server, <<"process_window">>),
    {ok, 1} = gen_server:call(Bob, {add_entry, #{date => {2023, 12, 19}, title => <<"Dentist">>}}),
    Behaviour = fun(Pid) ->
                        {M, _, _} = rpc:call(Node, proc_lib, translate_initial_call, [Pid]),
                        lists:keyfind(behaviour, 1, rpc:call(Node, M, module_info, [attributes]))
                end,
    [?assertEqual({Pid, {behaviour, [gen_server]}}, {Pid, Behaviour(Pid)})
     || Pid <- [Bob | [erpc:call(Node, erlang, whereis, [Name])
                       || Name <- [rex, net_kernel, 'Elixir.Todo.System', 'Elixir.Todo.Cache']]]],
    {status, Bob, {module, gen_server}, [_, _, _, _, [{header, _}, {data, _}, {data, [{"State", State}]} | _]]} =
        rpc:call(Node, sys, get_status, [Bob, 200]),
    ?assertMatch(#{'__struct__' := 'Elixir.Todo.List', entries := #{1 := _}}, State),
    Info = fun(Pid, Item) -> rpc:call(Node, erlang, process_info, [Pid, Item]) end,
    [Other] = [Pid || Pid <- erpc:call(Node, erlang, processes, []),
                      {initial_call, {todo_guardian, init, 1}} <- [Info(Pid, initial_call)]],
    ?assertEqual({proc_lib, init_p, 5}, rpc:call(Node, proc_lib, translate_initial_call, [Other])),
    ?assertEqual({current_stacktrace, [{gen_server, 'receive', 2, []}]}, Info(Bob, current_stacktrace)),
    ?assertEqual(true, rpc:call(Node, erlang, garbage_collect, [Bob])).

sys_by_rpc_is_sys(Config) ->
    Node = ours(Config),
    Bob = node_case:list(?config(server, Config), <<"sys_by_rpc">>),
    0 = gen_server:call(Bob, size),
    Rpc = fun(F, A) -> rpc:call(Node, sys, F, A) end,
    ?assertEqual(sys:get_state(Bob), Rpc(get_state, [Bob])),
    ?assertEqual(sys:get_status(Bob), Rpc(get_status, [Bob, infinity])),
    ?assertEqual(sys:get_state({'Elixir.Todo.Cache', Node}), Rpc(get_state, ['Elixir.Todo.Cache'])),
    ok = Rpc(suspend, [Bob]),
    ?assertExit({timeout, _}, gen_server:call(Bob, size, 100)),
    ok = Rpc(resume, [Bob, 5000]),
    0 = gen_server:call(Bob, size),
    %% as on a BEAM: who is not there, who does not understand, who has gone
    Outcome = fun(At, F, A) -> try erpc:call(At, sys, F, A) catch Class:Reason -> {Class, Reason} end end,
    [Beam, Ours] = both(Config, fun(At) ->
                                        {Dead, DeadMonitor} = spawn_monitor(At, erlang, node, []),
                                        normal = node_case:down(DeadMonitor, Dead),
                                        ?assertEqual({exit, {exception, {noproc, {sys, get_state, [Dead]}}}},
                                                     Outcome(At, get_state, [Dead])),
                                        Outcome(At, get_status, [no_such_name, 200])
                                end),
    ?assertEqual(Beam, Ours),
    Monitor = monitor(process, Bob),
    exit(Bob, kill),
    killed = node_case:down(Monitor, Bob).

%% However many timers run for those who watch, SIGTERM ends the node at once.
a_stop_does_not_wait_for_collectors(_Config) ->
    Server = #{node := Node} = node_case:start(),
    %% Linked to the listener; or to nobody, for a process of the node: the end of the connection does not end that one.
    Linked = spawn_link(Node, observer_backend, fetch_stats, [self(), 1000000]),
    Alone = spawn(Node, observer_backend, fetch_stats, ['Elixir.Todo.List', 1000000]),
    true = erpc:call(Node, erlang, is_process_alive, [Alone]),
    {ok, _} = appmon_info:start_link(Node, self(), []),
    ok = sys:suspend({rex, Node}),
    Waiting = spawn_link(Node, sys, get_state, [rex, infinity]),
    _ = erpc:call(Node, erlang, node, []),
    Started = erlang:monotonic_time(millisecond),
    0 = node_case:stop(Server),
    ?assert(erlang:monotonic_time(millisecond) - Started < ?DEADLINE_MS),
    [receive {'EXIT', Pid, _} -> ok after ?DEADLINE_MS -> error({no_exit, Pid}) end || Pid <- [Waiting, Linked]].
