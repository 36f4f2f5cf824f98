%% rpc, erpc and spawn: the same calls to a BEAM and to our node, whose outcomes must be equal.
-module(rpc_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(DEADLINE_MS, 10000).

all() ->
    [calls_are_equal, bad_arguments_are_equal, unknown_functions_are_equal, what_raises_is_equal,
     funs_and_apply_are_equal, rpc_is_equal, block_call_is_equal, casts_are_equal, async_calls_are_equal,
     multicalls_are_equal, spawn_is_equal, spawn_options_are_equal, messages_to_rex_are_equal,
     timeouts_are_equal, node_down_is_equal, elixir_names_are_equal, values_have_the_same_shape,
     processes_and_names, process_info_of_a_list, process_info_of_links_and_monitors, statistics_grow,
     large_results, many_at_once_leave_nothing].

init_per_suite(Config) ->
    ok = node_case:distribute(),
    [{server, node_case:start()} | start_beam(Config)].

end_per_suite(Config) ->
    ok = peer:stop(?config(peer, Config)),
    0 = node_case:stop(?config(server, Config)),
    node_case:clean().

%% Hidden as ours is, and without the code of this suite. What crashes there is not reported.
start_beam(Config) ->
    Cookie = atom_to_list(erlang:get_cookie()),
    {ok, Peer, Beam} = peer:start(#{name => node_case:unique("beam"), connection => standard_io,
                                    args => ["-hidden", "-setcookie", Cookie]}),
    true = net_kernel:connect_node(Beam),
    ok = erpc:call(Beam, logger, set_primary_config, [level, none]),
    [{peer, Peer}, {beam, Beam} | Config].

end_per_testcase(_Case, _Config) ->
    process_flag(trap_exit, false),
    ok.

ours(Config) ->
    maps:get(node, ?config(server, Config)).

beam(Config) ->
    ?config(beam, Config).

%% ---- comparing

%% The fun's outcome for both nodes, with the node, its pids and the places in source files made equal.
equal(Config, Name, Fun) ->
    [Expected, Got] = [normal(outcome(Fun, Node), Node) || Node <- [beam(Config), ours(Config)]],
    ?assertEqual({Name, Expected}, {Name, Got}).

outcome(Fun, Node) ->
    Result = try {return, Fun(Node)} catch Class:Reason -> {Class, Reason} end,
    {Result, mailbox()}.

mailbox() ->
    receive Message -> [Message | mailbox()] after 0 -> [] end.

normal(Node, Node) -> '$node';
normal(Pid, Node) when is_pid(Pid), node(Pid) =:= Node -> '$pid';
normal(Ref, _) when is_reference(Ref) -> '$ref';
normal([{file, _}, {line, _}], _) -> [];
normal([Head | Tail], Node) -> [normal(Head, Node) | normal(Tail, Node)];
normal(Tuple, Node) when is_tuple(Tuple) -> list_to_tuple(normal(tuple_to_list(Tuple), Node));
normal(Term, _) -> Term.

%% The terms are made for each node: some of them are its pids.
calls(Config, Calls) ->
    [equal(Config, {Module, Function, number, Number},
           fun(Node) ->
                   {M, F, A} = lists:nth(Number, Calls(Node)),
                   erpc:call(Node, M, F, A, ?DEADLINE_MS)
           end)
     || {Number, {Module, Function, _}} <- lists:enumerate(Calls(ours(Config)))].

rex(Node) ->
    erpc:call(Node, erlang, whereis, [rex]).

dead(Node) ->
    {Pid, Monitor} = spawn_monitor(Node, erlang, node, []),
    receive {'DOWN', Monitor, process, Pid, normal} -> Pid after ?DEADLINE_MS -> error(no_down) end.

calls_are_equal(Config) ->
    calls(Config, fun(Node) ->
        Rex = rex(Node),
        Dead = dead(Node),
        [{erlang, node, []}, {erlang, nodes, []}, {erlang, nodes, [hidden]}, {erlang, nodes, [connected]},
         {erlang, nodes, [visible]}, {erlang, nodes, [this]}, {erlang, nodes, [[this, hidden]]}, {erlang, nodes, [[]]},
         {erlang, whereis, [rex]}, {erlang, whereis, [net_kernel]}, {erlang, whereis, [nobody]},
         {erlang, whereis, [undefined]}, {erlang, whereis, ['späť']},
         {erlang, is_process_alive, [Rex]}, {erlang, is_process_alive, [Dead]}, {erlang, process_info, [Dead]},
         {erlang, process_info, [Dead, status]}, {erlang, process_info, [Dead, [status, links]]},
         {erlang, process_info, [Rex, []]}, {erlang, process_info, [Rex, registered_name]},
         {erlang, process_info, [Rex, [registered_name, status]]}, {erlang, process_info, [Rex, status]},
         {erlang, process_info, [Rex, [status, status]]}, {erlang, process_info, [Rex, message_queue_len]},
         {erlang, process_info, [Rex, messages]}, {erlang, process_info, [Rex, monitored_by]},
         {erlang, process_info, [Rex, error_handler]}, {erlang, process_info, [Rex, priority]},
         {erlang, process_info, [Rex, last_calls]}, {erlang, process_info, [Rex, sequential_trace_token]},
         {erlang, process_info, [Rex, message_queue_data]}, {erlang, memory, [[]]},
         {erlang, system_info, [wordsize]}, {erlang, system_info, [{wordsize, internal}]},
         {erlang, system_info, [{wordsize, external}]}, {net_kernel, get_net_ticktime, []}, {erlang, self, []},
         {erlang, is_alive, []}, {erlang, garbage_collect, [Rex]}, {erlang, garbage_collect, [Dead]},
         {erlang, system_flag, [scheduler_wall_time, true]}, {erlang, system_flag, [scheduler_wall_time, false]},
         {erlang, statistics, [scheduler_wall_time]},
         {erlang, apply, [erlang, self, []]}]
    end).

bad_arguments_are_equal(Config) ->
    Self = self(),
    calls(Config, fun(Node) ->
        Rex = rex(Node),
        Dead = dead(Node),
        [{erlang, nodes, [A]} || A <- [foo, 1, [this | hidden], [this, foo], [foo, this], "this", {this}, #{}]] ++
        [{erlang, whereis, [A]} || A <- [1, "rex", <<"rex">>, [], {rex}, Rex]] ++
        [{erlang, is_process_alive, [A]} || A <- [Self, foo, 1, "pid", make_ref()]] ++
        [{erlang, garbage_collect, [A]} || A <- [Self, foo, 1]] ++
        [{erlang, function_exported, A} || A <- [[a, b, c], [a, 1, 2], [1, a, 2], [a, b, -1]]] ++
        [{erlang, system_flag, A} || A <- [[scheduler_wall_time, foo], [scheduler_wall_time, 1]]] ++
        [{erlang, process_info, [A]} || A <- [Self, rex, 1, "pid"]] ++
        [{erlang, process_info, [P, A]} || P <- [Rex, Dead], A <- [foo, 1, [status, foo], [status | foo], {status}, "status"]] ++
        [{erlang, process_info, [A, status]} || A <- [Self, rex, []]] ++
        [{erlang, memory, [A]} || A <- [foo, 1, [foo], [total, foo], {total}, "total"]] ++
        [{erlang, system_info, [A]} || A <- [foo, 1, [], "wordsize", {wordsize, foo}, {wordsize}, {foo, bar}]] ++
        [{erlang, statistics, [A]} || A <- [foo, 1, [], {io}, "io"]] ++
        [{erlang, F, [A]} || F <- [system_time, monotonic_time], A <- [foo, 0, -1, 1.0, "second", {second}, -(1 bsl 70)]]
    end).

unknown_functions_are_equal(Config) ->
    calls(Config, fun(_Node) ->
        [{foo, bar, []}, {foo, bar, [1]}, {foo, bar, "text"}, {foo, bar, [#{a => [1.5, <<1:3>>, self()]}]},
         {erlang, foo, []}, {erlang, whereis, []}, {erlang, whereis, [a, b]}, {erlang, is_process_alive, []},
         {erlang, apply, []}, {erlang, apply, [1]}, {erlang, apply, [a, b, c, d]}, {'späť', 'é', []},
         {foo, bar, lists:duplicate(300, x)}, {foo, bar, lists:seq(1, 1000)}, {erpc, execute_call, [1]}]
    end).

%% M and F are checked by the caller: an improper list of arguments is not.
what_raises_is_equal(Config) ->
    calls(Config, fun(_Node) ->
        [{foo, bar, [1 | 2]}, {erlang, node, [1 | 2]}, {erlang, error, [boom]}, {erlang, error, [boom, [x]]},
         {erlang, error, [{some, <<"reason">>}]}, {erlang, exit, [boom]}, {erlang, exit, [normal]}, {erlang, exit, [kill]},
         {erlang, throw, [boom]}, {erlang, throw, [{'EXIT', boom}]},
         {erlang, apply, [erlang, error, [boom]]}, {erlang, apply, [erlang, exit, [boom]]},
         {erlang, apply, [erlang, throw, [boom]]}, {erlang, apply, [fun erlang:error/1, [boom]]}]
    end).

funs_and_apply_are_equal(Config) ->
    Self = self(),
    Fun0 = fun() -> Self end,
    Fun1 = fun(X) -> X end,
    calls(Config, fun(_Node) ->
        [{erlang, apply, A} ||
            A <- [[Fun0, []], [Fun1, [1]], [Fun1, []], [Fun0, [1]], [Fun0, [1 | 2]], [Fun0, x], [1, []], [1, x],
                  [{erlang, node}, []], [fun erlang:node/0, []], [fun erlang:node/0, [1]], [fun foo:bar/1, [2]],
                  [fun foo:bar/1, []], [fun erlang:whereis/1, [1]], [fun erlang:whereis/1, x],
                  [erlang, node, []], [erlang, whereis, [1]], [foo, bar, []], [foo, bar, [1 | 2]], [foo, bar, x],
                  [1, 2, 3], [foo, 2, []], [erlang, apply, [foo, bar, []]], [erlang, apply, [Fun0, []]],
                  [erlang, apply, [Fun1, []]], [erlang, apply, [1, []]], [erlang, apply, [1, 2, 3]],
                  [erlang, apply, [erlang, apply, [erlang, whereis, [1]]]], [erlang, apply, [Fun0]],
                  [fun erlang:apply/2, [fun erlang:apply/3, [erlang, whereis, [1]]]]]]
    end),
    [equal(Config, {fun_alone, Number}, fun(Node) -> erpc:call(Node, Fun, ?DEADLINE_MS) end)
     || {Number, Fun} <- [{1, Fun0}, {2, fun erlang:node/0}, {3, fun foo:bar/0}]].

%% What rpc makes of the same outcomes.
some_calls() ->
    [{erlang, node, []}, {erlang, whereis, [rex]}, {erlang, whereis, [1]}, {foo, bar, []}, {foo, bar, [1 | 2]},
     {erlang, error, [boom]}, {erlang, exit, [boom]}, {erlang, exit, [normal]}, {erlang, throw, [boom]},
     {erlang, throw, [{'EXIT', boom}]}, {erlang, apply, [fun() -> ok end, []]}, {erlang, apply, [foo, bar, []]}].

rpc_is_equal(Config) ->
    [equal(Config, {M, F, A}, fun(Node) -> rpc:call(Node, M, F, A, ?DEADLINE_MS) end) || {M, F, A} <- some_calls()],
    [equal(Config, {M, F, A}, fun(Node) -> rpc:call(Node, M, F, A) end) || {M, F, A} <- some_calls()].

block_call_is_equal(Config) ->
    [equal(Config, {M, F, A}, fun(Node) -> rpc:block_call(Node, M, F, A, ?DEADLINE_MS) end) || {M, F, A} <- some_calls()],
    equal(Config, bad_function, fun(Node) -> rpc:block_call(Node, erlang, 1, [], ?DEADLINE_MS) end).

%% Nothing comes back, neither then nor later.
casts_are_equal(Config) ->
    [equal(Config, {M, F, A}, fun(Node) -> {rpc:cast(Node, M, F, A), erpc:cast(Node, M, F, A), erpc:multicast([Node, Node], M, F, A),
                                            rpc:eval_everywhere([Node], M, F, A), rex(Node)} end)
     || {M, F, A} <- some_calls()].

async_calls_are_equal(Config) ->
    [equal(Config, {M, F, A},
           fun(Node) ->
                   Request = erpc:send_request(Node, M, F, A),
                   try erpc:receive_response(Request, ?DEADLINE_MS) catch C:R -> {C, R} end
           end) || {M, F, A} <- some_calls()],
    [equal(Config, {key, M, F, A},
           fun(Node) -> rpc:yield(rpc:async_call(Node, M, F, A)) end) || {M, F, A} <- some_calls()],
    equal(Config, collection,
          fun(Node) ->
                  Add = fun({Label, {M, F, A}}, Ids) -> erpc:send_request(Node, M, F, A, Label, Ids) end,
                  Ids = lists:foldl(Add, erpc:reqids_new(), lists:enumerate(some_calls())),
                  responses(Ids)
          end).

responses(Ids) ->
    try erpc:receive_response(Ids, ?DEADLINE_MS, true) of
        {Response, Label, Rest} -> lists:sort([{Label, Response} | responses(Rest)]);
        no_request -> []
    catch
        Class:{Reason, Label, Rest} -> lists:sort([{Label, Class, Reason} | responses(Rest)])
    end.

multicalls_are_equal(Config) ->
    [equal(Config, {M, F, A},
           fun(Node) ->
                   {erpc:multicall([Node, nobody@nowhere, Node], M, F, A, ?DEADLINE_MS), rpc:multicall([Node, nobody@nowhere], M, F, A, ?DEADLINE_MS)}
           end) || {M, F, A} <- some_calls()],
    %% both at once, each gives its own
    ?assertEqual([{ok, beam(Config)}, {ok, ours(Config)}],
                 erpc:multicall([beam(Config), ours(Config)], erlang, node, [], ?DEADLINE_MS)).

spawns() ->
    Self = self(),
    some_calls() ++
        [{erpc, execute_call, [ref | A]} || A <- [[erlang, node, []], [foo, bar, []], [1, bar, []], [foo, 1, []], [foo, bar, x],
                                                   [foo, bar, [1 | 2]], [erlang, throw, [x]], [erlang, exit, [x]]]] ++
        [{erpc, execute_cast, A} || A <- [[erlang, node, []], [foo, bar, []], [1, bar, []], [erlang, throw, [x]],
                                           [erlang, exit, [x]], [erlang, error, [x]]]] ++
        [{erpc, execute_call, [1]}, {erpc, execute_cast, []}, {erlang, apply, [1, []]}, {erlang, apply, [1, 2, 3]},
         {erlang, apply, [fun(_) -> Self end, []]}].

%% An improper list of arguments is refused by the caller itself.
spawn_is_equal(Config) ->
    process_flag(trap_exit, true),
    Spawns = [Spawn || {_, _, A} = Spawn <- spawns(), A =/= [1 | 2], Spawn =/= {erlang, exit, [normal]}],
    [begin
         equal(Config, {spawn, M, F, A}, fun(Node) -> spawn(Node, M, F, A) end),
         equal(Config, {spawn_monitor, M, F, A},
               fun(Node) ->
                       {Pid, Monitor} = spawn_monitor(Node, M, F, A),
                       receive {'DOWN', Monitor, process, Pid, Reason} -> Reason after ?DEADLINE_MS -> no_down end
               end),
         equal(Config, {spawn_link, M, F, A},
               fun(Node) ->
                       Pid = spawn_link(Node, M, F, A),
                       receive {'EXIT', Pid, Reason} -> Reason after ?DEADLINE_MS -> no_exit end
               end)
     end || {M, F, A} <- Spawns],
    equal(Config, fun_alone,
          fun(Node) ->
                  {Pid, Monitor} = spawn_monitor(Node, fun() -> ok end),
                  receive {'DOWN', Monitor, process, Pid, Reason} -> Reason after ?DEADLINE_MS -> no_down end
          end).

options() ->
    [[], [monitor], [link], [monitor, link], [link, monitor], [monitor, monitor, link, link], [foo], [monitor, foo],
     [{monitor, [{tag, seen}]}], [{monitor, [{alias, demonitor}]}], [{priority, high}], [{priority, foo}],
     [{scheduler, 1}], [{scheduler, 100000}], [{scheduler, -1}], [{scheduler, a}], [{max_heap_size, 0}],
     [{max_heap_size, 100}], [{max_heap_size, 1000}], [{max_heap_size, -1}], [{max_heap_size, 1 bsl 70}],
     [{max_heap_size, a}], [{max_heap_size, #{}}], [{max_heap_size, #{size => 0}}], [{max_heap_size, #{size => 10}}],
     [{max_heap_size, #{size => 1000, kill => true, error_logger => false}}],
     [{max_heap_size, #{size => 1000, kill => 1}}], [{max_heap_size, #{size => 1000, other => 1}}],
     [{max_heap_size, #{kill => true}}], [{min_heap_size, 1000}, {max_heap_size, 500}],
     [{min_heap_size, 1 bsl 70}], [{min_heap_size, -1}], [{min_heap_size, 10}], [{min_bin_vheap_size, 1}],
     [{min_bin_vheap_size, -1}], [{fullsweep_after, 0}], [{fullsweep_after, -1}], [{fullsweep_after, x}],
     [{message_queue_data, off_heap}], [{message_queue_data, mixed}], [{a, b, c}], [{priority}], [{}], ["monitor"], "ab",
     [{reply, error_only}], [{reply, no}, monitor], [{reply_tag, tagged}], [{reply_tag, tagged}, {reply, success_only}, foo]].

%% The reply comes first, then what is about the process, in the same order; then nothing more.
spawn_options_are_equal(Config) ->
    process_flag(trap_exit, true),
    [equal(Config, {Options, F},
           fun(Node) ->
                   true = is_reference(spawn_request(Node, M, F, A, Options)),
                   Messages = spawned(Options),
                   rex(Node),
                   Messages
           end) || Options <- options(), {M, F, A} <- [{erlang, node, []}, {foo, bar, [1]}]].

spawned(Options) ->
    case [Reply || {reply, Reply} <- Options] of
        [] -> reply_and_ending(Options);
        [success_only] -> []; % the request is a bad one
        [_] -> messages(endings(Options))
    end.

reply_and_ending(Options) ->
    case messages(1) of
        [{_, _, ok, _} = Reply] -> [Reply | messages(endings(Options))];
        Other -> Other
    end.

endings(Options) ->
    length(lists:usort([Option || Option <- Options, Option =:= link orelse Option =:= monitor])
           ++ [Option || {monitor, _} = Option <- Options]).

messages(0) ->
    [];
messages(Count) ->
    receive Message -> [Message | messages(Count - 1)] after ?DEADLINE_MS -> [missing] end.

messages_to_rex_are_equal(Config) ->
    Self = self(),
    [equal(Config, Message,
           fun(Node) ->
                   {rex, Node} ! Message,
                   receive Answer -> Answer after ?DEADLINE_MS -> no_answer end
           end) || Message <- [{Self, features_request}, {Self, {call, erlang, node, [], user}},
                               {Self, {call, foo, bar, [], Self}}, {Self, {call, erlang, exit, [x], user}},
                               {Self, {sbcast, nobody, hello}}, {Self, {sbcast, rex, hello}}, {Self, {send, nobody, hello}}]],
    [equal(Config, Request, fun(Node) -> gen_server:call({rex, Node}, Request, ?DEADLINE_MS) end)
     || Request <- [{call, erlang, node, [], Self}, {call, foo, bar, [1], Self}, {call, erlang, whereis, [1], Self},
                    {block_call, erlang, throw, [x], Self}, {block_call, 1, node, [], Self}]],
    equal(Config, ignored, fun(Node) -> gen_server:call({rex, Node}, foo, 200) end),
    equal(Config, sbcast, fun(Node) -> {rpc:sbcast([Node], nobody, hello), rpc:sbcast([Node], rex, hello)} end),
    equal(Config, cast, fun(Node) -> ok = gen_server:cast({rex, Node}, {cast, foo, bar, [], Self}), rex(Node) end).

%% Both are stopped by the operating system: the caller gives up, and the answers that come later are nowhere.
timeouts_are_equal(Config) ->
    OsPids = [integer_to_list(node_case:pid_of(?config(server, Config))), erpc:call(beam(Config), os, getpid, [])],
    signal("STOP", OsPids),
    try
        equal(Config, call, fun(Node) -> erpc:call(Node, erlang, node, [], 100) end),
        equal(Config, rpc_call, fun(Node) -> rpc:call(Node, erlang, node, [], 100) end),
        equal(Config, block_call, fun(Node) -> rpc:block_call(Node, erlang, node, [], 100) end),
        equal(Config, multicall, fun(Node) -> rpc:multicall([Node], erlang, node, [], 100) end),
        equal(Config, response,
              fun(Node) ->
                      Request = erpc:send_request(Node, erlang, node, []),
                      no_response = erpc:wait_response(Request, 100),
                      erpc:receive_response(Request, 100)
              end)
    after
        signal("CONT", OsPids)
    end,
    [equal(Config, later, fun(Node) -> {erpc:call(Node, erlang, node, [], ?DEADLINE_MS), erpc:call(Node, erlang, node, [])} end)
     || _ <- [1, 2]].

signal(Name, OsPids) ->
    "" = os:cmd("kill -" ++ Name ++ " " ++ lists:join(" ", OsPids)).

node_down_is_equal(Config) ->
    equal(Config, nowhere, fun(_) -> {rpc:call(nobody@nowhere, erlang, node, []), catch_error(fun() -> erpc:call(nobody@nowhere, erlang, node, []) end)} end),
    Server = #{node := Node} = node_case:start(),
    OsPid = integer_to_list(node_case:pid_of(Server)),
    Node = erpc:call(Node, erlang, node, []),
    signal("STOP", [OsPid]),
    Request = erpc:send_request(Node, erlang, node, []),
    137 = node_case:kill(Server),
    ?assertError({erpc, noconnection}, erpc:receive_response(Request, ?DEADLINE_MS)).

catch_error(Fun) ->
    try Fun() catch error:Reason -> Reason end.

elixir_names_are_equal(Config) ->
    {0, Folder} = beam_case:shell("elixir -e 'IO.write(:code.lib_dir(:elixir))'", []),
    true = erpc:call(beam(Config), code, add_path, [filename:join(Folder, "ebin")]),
    Self = self(),
    calls(Config, fun(Node) ->
        Rex = rex(Node),
        Dead = dead(Node),
        [{'Elixir.Process', 'alive?', [A]} || A <- [Rex, Dead, Self, 1]] ++
        [{'Elixir.Process', whereis, [A]} || A <- [rex, nobody, 1]] ++
        [{'Elixir.Process', info, [A]} || A <- [Dead, Self, 1]] ++
        [{'Elixir.Process', info, [P, A]} || P <- [Rex, Dead, Self], A <- [registered_name, status, foo, [registered_name], [], [foo]]] ++
        [{'Elixir.Node', self, []}, {'Elixir.Node', list, []}, {'Elixir.Node', list, [hidden]}, {'Elixir.Node', list, [foo]},
         {'Elixir.Process', foo, [1]}]
    end),
    Node = ours(Config),
    ?assert(lists:member(rex(Node), erpc:call(Node, 'Elixir.Process', list, []))),
    ?assertEqual(erpc:call(Node, erlang, registered, []), erpc:call(Node, 'Elixir.Process', registered, [])),
    _ = application:load(todo),
    {ok, Version} = application:get_key(todo, vsn),
    ?assertEqual(list_to_binary(Version), erpc:call(Node, 'Elixir.System', version, [])),
    ?assertEqual(nil, erpc:call(Node, 'Elixir.Process', whereis, [nobody])).

%% What differs between two nodes differs in value only.
values_have_the_same_shape(Config) ->
    [?assertEqual({F, A, shape(erpc:call(beam(Config), erlang, F, A))}, {F, A, shape(erpc:call(ours(Config), erlang, F, A))})
     || {F, A} <- [{processes, []}, {registered, []}, {memory, []}, {memory, [total]}, {memory, [[total, ets]]},
                   {system_time, []}, {system_time, [second]}, {monotonic_time, []}, {monotonic_time, [millisecond]}, {timestamp, []}]
            ++ [{system_info, [I]} || I <- [process_count, process_limit, port_count, port_limit, atom_count, atom_limit, ets_count,
                                            ets_limit, otp_release, version, system_version, system_architecture, machine,
                                            schedulers, schedulers_online, smp_support, threads, kernel_poll,
                                            multi_scheduling, thread_pool_size, creation, build_type,
                                            dirty_cpu_schedulers, dist_buf_busy_limit, alloc_util_allocators]]
            ++ [{statistics, [I]} || I <- [runtime, wall_clock, reductions, exact_reductions, io, run_queue, run_queue_lengths,
                                           active_tasks, total_run_queue_lengths, total_active_tasks,
                                           garbage_collection, context_switches, scheduler_wall_time]]],
    [Beam, Ours] = [erpc:call(Node, erlang, process_info, [rex(Node)]) || Node <- [beam(Config), ours(Config)]],
    ?assertEqual([Item || {Item, _} <- Beam], [Item || {Item, _} <- Ours]),
    %% reductions, dictionary and links differ in size
    [?assertEqual(shape_of_item(Pair), shape_of_item(lists:keyfind(element(1, Pair), 1, Ours))) || Pair <- Beam].

shape_of_item({Item, Value}) when Item =:= links; Item =:= dictionary -> {Item, is_list(Value)};
shape_of_item({Item, Value}) -> {Item, shape(Value)}.

shape(Integer) when is_integer(Integer) -> integer;
shape(Boolean) when is_boolean(Boolean) -> boolean;
shape(Atom) when is_atom(Atom) -> atom;
shape(Pid) when is_pid(Pid) -> pid;
shape([{_, _} | _] = Pairs) -> [{Key, shape(Value)} || {Key, Value} <- Pairs];
shape([Head | _]) -> [shape(Head)];
shape(Tuple) when is_tuple(Tuple) -> list_to_tuple([shape(Element) || Element <- tuple_to_list(Tuple)]);
shape(Map) when is_map(Map) -> maps:map(fun(_, Value) -> shape(Value) end, Map);
shape(Term) -> Term.

processes_and_names(Config) ->
    Node = ours(Config),
    Processes = erpc:call(Node, erlang, processes, []),
    ?assert(lists:all(fun(Pid) -> node(Pid) =:= Node end, Processes)),
    ?assertEqual(lists:usort(Processes), lists:sort(Processes)),
    Names = erpc:call(Node, erlang, registered, []),
    [?assert(lists:member(Name, Names)) || Name <- [rex, net_kernel, 'Elixir.Todo.Cache', 'Elixir.Todo.System']],
    [begin
         Pid = erpc:call(Node, erlang, whereis, [Name]),
         ?assert(lists:member(Pid, Processes)),
         ?assertEqual({registered_name, Name}, erpc:call(Node, erlang, process_info, [Pid, registered_name]))
     end || Name <- Names],
    Bob = node_case:list(?config(server, Config), <<"processes_and_names">>),
    ?assert(lists:member(Bob, erpc:call(Node, erlang, processes, []))),
    ?assertEqual(length(erpc:call(Node, erlang, processes, [])), erpc:call(Node, erlang, system_info, [process_count])),
    ?assertEqual(lists:sort([Node, node()]), lists:sort(erpc:call(Node, erlang, nodes, [known]) -- [beam(Config)])),
    {ok, Version} = application:get_key(todo, vsn),
    ?assertEqual("todo_node " ++ Version ++ " (C node)\n", erpc:call(Node, erlang, system_info, [system_version])).

process_info_of_a_list(Config) ->
    Node = ours(Config),
    Bob = node_case:list(?config(server, Config), <<"process_info_of_a_list">>),
    0 = gen_server:call(Bob, size),
    Info = fun(Item) -> {Item, Value} = erpc:call(Node, erlang, process_info, [Bob, Item]), Value end,
    ?assertEqual(waiting, Info(status)),
    ?assertEqual(0, Info(message_queue_len)),
    ?assertEqual({'Elixir.Todo.Server', init, 1}, Info(initial_call)),
    ?assertEqual({gen_server, 'receive', 2}, Info(current_function)),
    ?assertEqual([{gen_server, 'receive', 2, []}], Info(current_stacktrace)),
    ?assertEqual([{'$ancestors', ['Elixir.Todo.Cache', 'Elixir.Todo.System']},
                  {'$initial_call', {'Elixir.Todo.Server', init, 1}}], lists:sort(Info(dictionary))),
    ?assertEqual({'Elixir.Todo.Server', init, ['Argument__1']}, erpc:call(Node, proc_lib, initial_call, [Bob])),
    ?assertEqual([], erpc:call(Node, erlang, process_info, [Bob, registered_name])),
    ?assertEqual([{registered_name, []}, {status, waiting}], erpc:call(Node, erlang, process_info, [Bob, [registered_name, status]])),
    ?assertEqual(current_function, element(1, hd(erpc:call(Node, erlang, process_info, [Bob])))),
    Empty = Info(memory),
    {ok, 1} = gen_server:call(Bob, {add_entry, #{date => today, text => binary:copy(<<"x">>, 100000)}}),
    ?assert(Info(memory) >= Empty + 100000),
    ok = gen_server:call(Bob, {delete_entry, 1}),
    ?assert(Info(memory) < Empty + 1000),
    Reductions = Info(reductions),
    0 = gen_server:call(Bob, size),
    ?assertEqual(Reductions + 1, Info(reductions)),
    %% a suspended server lets its messages wait
    ok = sys:suspend(Bob),
    ok = gen_server:cast(Bob, {delete_entry, 1}),
    Bob ! hello,
    ?assertEqual(2, Info(message_queue_len)),
    ?assertEqual([{'$gen_cast', {delete_entry, 1}}, hello], Info(messages)),
    ok = sys:resume(Bob),
    0 = gen_server:call(Bob, size),
    ?assertEqual([], Info(messages)),
    %% what observer asks of a process
    Items = [binary, catchlevel, current_function, error_handler, garbage_collection, group_leader, heap_size,
             initial_call, last_calls, links, memory, message_queue_len, monitored_by, monitors, priority,
             reductions, registered_name, sequential_trace_token, stack_size, status, suspending, total_heap_size,
             trace, trap_exit],
    ?assertEqual(Items, [Item || {Item, _} <- erpc:call(Node, erlang, process_info, [Bob, Items])]),
    Monitor = monitor(process, Bob),
    exit(Bob, kill),
    killed = node_case:down(Monitor, Bob),
    ?assertEqual(undefined, erpc:call(Node, erlang, process_info, [Bob, Items])),
    ?assertEqual(false, erpc:call(Node, erlang, is_process_alive, [Bob])).

process_info_of_links_and_monitors(Config) ->
    process_flag(trap_exit, true),
    Node = ours(Config),
    Bob = node_case:list(?config(server, Config), <<"links_and_monitors">>),
    Info = fun(Item) -> {Item, Value} = erpc:call(Node, erlang, process_info, [Bob, Item]), Value end,
    Links = Info(links),
    [] = Info(monitored_by),
    link(Bob),
    Monitor = monitor(process, Bob),
    ?assertEqual([self()], Info(links) -- Links),
    ?assertEqual([self()], Info(monitored_by)),
    ?assertEqual([], Info(monitors)),
    unlink(Bob),
    demonitor(Monitor),
    ?assertEqual(Links, Info(links)),
    ?assertEqual([], Info(monitored_by)),
    ?assertEqual([erpc:call(Node, erlang, whereis, ['Elixir.Todo.Cache'])], Links),
    ?assertEqual({parent, hd(Links)}, erpc:call(Node, erlang, process_info, [Bob, parent])),
    exit(Bob, kill).

statistics_grow(Config) ->
    Node = ours(Config),
    Statistics = fun(Item) -> erpc:call(Node, erlang, statistics, [Item]) end,
    {{input, In}, {output, Out}} = Statistics(io),
    {Reductions, _} = Statistics(reductions),
    [net_adm:ping(Node) || _ <- lists:seq(1, 100)],
    {{input, In2}, {output, Out2}} = Statistics(io),
    ?assert(In2 > In + 100),
    ?assert(Out2 > Out + 100),
    {More, Since} = Statistics(reductions),
    ?assertEqual(Reductions + Since, More),
    ?assert(Since > 0),
    {Runtime, _} = Statistics(runtime),
    {WallClock, _} = Statistics(wall_clock),
    ?assert(is_integer(Runtime)),
    ?assert(WallClock >= 0),
    Seconds = erpc:call(Node, erlang, system_time, [second]),
    ?assert(abs(Seconds - erlang:system_time(second)) =< 5),
    [?assertEqual(Seconds div 10, erpc:call(Node, erlang, system_time, [Unit]) div (10 * Parts))
     || {Unit, Parts} <- [{millisecond, 1000}, {microsecond, 1000000}, {10, 10}], Seconds rem 10 < 5],
    First = erpc:call(Node, erlang, monotonic_time, []),
    ?assert(erpc:call(Node, erlang, monotonic_time, []) > First).

%% Answers and arguments beyond any buffer's first size.
large_results(Config) ->
    Node = ours(Config),
    Server = ?config(server, Config),
    Pids = [node_case:list(Server, integer_to_binary(N)) || N <- lists:seq(1, 5000)],
    ?assertEqual([], Pids -- erpc:call(Node, erlang, processes, [])),
    {links, Links} = erpc:call(Node, erlang, process_info, [erpc:call(Node, erlang, whereis, ['Elixir.Todo.Cache']), links]),
    ?assertEqual([], Pids -- Links),
    Large = [binary:copy(<<7>>, 4000000), lists:seq(1, 100000)],
    equal(Config, undef, fun(At) -> erpc:call(At, foo, bar, Large) end),
    equal(Config, throw, fun(At) -> rpc:call(At, erlang, throw, [Large]) end),
    Deep = lists:foldl(fun(_, T) -> [T] end, [], lists:seq(1, 5000)),
    equal(Config, deep, fun(At) -> rpc:call(At, erlang, throw, [Deep]) end),
    Nested = lists:foldl(fun(_, A) -> [erlang, apply, A] end, [erlang, node, []], lists:seq(1, 60)),
    equal(Config, nested, fun(At) -> erpc:call(At, erlang, apply, Nested) end).

%% Each gets its own result; no process, link, monitor or message is left.
many_at_once_leave_nothing(Config) ->
    Node = ours(Config),
    Before = erpc:call(Node, erlang, system_info, [process_count]),
    Requests = [{N, erpc:send_request(Node, erlang, throw, [N])} || N <- lists:seq(1, 5000)],
    [?assertThrow(N, erpc:receive_response(Request, ?DEADLINE_MS)) || {N, Request} <- Requests],
    Workers = [spawn_monitor(fun() -> [Node = erpc:call(Node, erlang, node, []) || _ <- lists:seq(1, 100)] end)
               || _ <- lists:seq(1, 50)],
    [receive {'DOWN', Monitor, process, Pid, Reason} -> ?assertEqual(normal, Reason) after 30000 -> error(no_down) end
     || {Pid, Monitor} <- Workers],
    process_flag(trap_exit, true),
    Linked = [spawn_link(Node, foo, bar, []) || _ <- lists:seq(1, 1000)],
    [receive {'EXIT', Pid, {undef, _}} -> ok after ?DEADLINE_MS -> error(no_exit) end || Pid <- Linked],
    ?assertEqual(Before, erpc:call(Node, erlang, system_info, [process_count])),
    ?assertEqual([], mailbox()).
