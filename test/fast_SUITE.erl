%% Calls without a monitor (todo_call) against gen_server:call: whatever happens to a call, the caller must not be able
%% to tell which of the two it has made. Each failure is made to happen to both; what the caller got, and what was in
%% its mailbox afterwards, is compared.
-module(fast_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(D, {2023, 12, 19}).
-define(AWAIT_MS, 30000).
-define(APIS, [gen_server, todo_call]).

all() ->
    [one_frame_and_no_monitor, answers_are_equal, calls_and_casts_in_order, to_the_dead, to_unknown_names,
     to_an_earlier_creation, to_unknown_nodes, to_a_node_with_another_cookie, process_ends_with_each_reason,
     process_ends_itself_with_each_reason, change_is_owed_when_the_process_is_killed, node_killed, connection_cut,
     callers_own_nodedown_comes_once, late_answer_after_timeout, who_gave_up_has_changed_nothing,
     timeouts_of_each_kind, infinity, caller_killed,
     local_processes, processes_of_a_beam, beam_takes_the_name_of_the_node, many_callers, first_calls_at_once,
     watcher_killed, seq_trace_token, elixir_exits, random_mix].

init_per_suite(Config) ->
    [{ebin, beam_case:elixir_ebin()} | Config].

end_per_suite(_Config) ->
    node_case:clean().

init_per_testcase(_Case, Config) ->
    ok = node_case:distribute(),
    Server = node_case:start(#{arguments => ["--log-level", "error"]}),
    ok = learn(Server),
    [{server, Server} | Config].

end_per_testcase(_Case, Config) ->
    Server = ?config(server, Config),
    _ = [node_case:kill(Server) || is_process_alive(maps:get(holder, Server))],
    ok.

%%% Both kinds of call

call(gen_server, Server, Request) -> gen_server:call(Server, Request);
call(todo_call, Server, Request) -> todo_call:call(gen_server, Server, Request).

call(gen_server, Server, Request, Timeout) -> gen_server:call(Server, Request, Timeout);
call(todo_call, Server, Request, Timeout) -> todo_call:call(gen_server, Server, Request, Timeout).

%% From now on calls to that node are without a monitor.
learn(#{node := Node} = Server) ->
    node_case:await(fun() ->
                            _ = call(todo_call, node_case:cache(Server), count),
                            is_pid(watcher(Node))
                    end).

watcher(Node) ->
    persistent_term:get({todo_call, Node}, none).

%% A process makes the call; Meanwhile runs here as soon as it is on its way. What became of it, and what it has left.
outcome(Api, Server, Arguments, Meanwhile) ->
    Caller = caller(Api, Server, Arguments),
    _ = Meanwhile(Caller),
    await_outcome(Caller, Server).

caller(Api, Server, Arguments) ->
    Self = self(),
    Go = make_ref(),
    {Pid, Monitor} = spawn_monitor(fun() ->
                                           Self ! Go,
                                           exit({outcome, tried(Api, [Server | Arguments]), settled(Server)})
                                   end),
    receive Go -> {Pid, Monitor} end.

tried(Api, Arguments) ->
    try
        {answer, apply(?MODULE, call, [Api | Arguments])}
    catch
        Class:Reason -> {Class, Reason}
    end.

%% What would have come has come when the node has answered, or cannot.
settled(Server) ->
    _ = try gen_server:call({'Elixir.Todo.Cache', node_of(Server)}, count) catch exit:_ -> gone end,
    {messages, Messages} = process_info(self(), messages),
    Messages.

node_of(Pid) when is_pid(Pid) -> node(Pid);
node_of({_, Node}) -> Node;
node_of(Name) when is_atom(Name) -> node().

%% The server's pid in an exit is server: it is another one for each call.
await_outcome({Pid, Monitor}, Server) ->
    receive
        {'DOWN', Monitor, process, Pid, {outcome, {exit, {Reason, {gen_server, call, [Server | Rest]}}}, Left}} ->
            {{exit, {Reason, {gen_server, call, [server | Rest]}}}, Left};
        {'DOWN', Monitor, process, Pid, {outcome, Result, Left}} ->
            {Result, Left};
        {'DOWN', Monitor, process, Pid, Reason} ->
            {died, Reason}
    after ?AWAIT_MS ->
            error({no_outcome, process_info(Pid, current_stacktrace)})
    end.

%% For each API a fresh server by New(); both outcomes, which must be equal, and nothing is left.
same(New, Arguments, Meanwhile) ->
    [Expected, Expected] = [begin
                                Server = New(),
                                outcome(Api, Server, Arguments, fun(Caller) -> Meanwhile(Server, Caller) end)
                            end
                            || Api <- ?APIS],
    {Result, Left} = Expected,
    ?assertEqual([], Left),
    Result.

same(New, Arguments) ->
    same(New, Arguments, fun(_, _) -> ok end).

exits(Reason, Arguments) ->
    {exit, {Reason, {gen_server, call, [server | Arguments]}}}.

server(Config) ->
    ?config(server, Config).

node_name(Config) ->
    maps:get(node, server(Config)).

new_list(Config) ->
    node_case:list(server(Config), list_to_binary(node_case:unique("list"))).

suspended(Config) ->
    List = new_list(Config),
    ok = sys:suspend(List),
    List.

%% Until this many messages wait for the process.
await_waiting(Pid, Count) ->
    node_case:await(fun() ->
                            {message_queue_len, Count} =:= erpc:call(node(Pid), erlang, process_info,
                                                                     [Pid, message_queue_len])
                    end).

ended(Pid, Reason) ->
    Monitor = monitor(process, Pid),
    ok = gen_server:stop(Pid, Reason, ?AWAIT_MS),
    Reason = node_case:down(Monitor, Pid),
    Pid.

killed(Pid) ->
    Monitor = monitor(process, Pid),
    exit(Pid, kill),
    _ = node_case:down(Monitor, Pid),
    Pid.

tables(Node) ->
    maps:from_list(erpc:call(Node, erlang, system_info, [node_tables])).

%%% What succeeds

%% The distribution's own counters say so.
one_frame_and_no_monitor(Config) ->
    Node = node_name(Config),
    List = new_list(Config),
    #{monitors := Monitors} = tables(Node),
    Frames = fun(Api) -> frames(Node, fun() -> repeat(300, fun() -> 0 = call(Api, List, size) end) end) end,
    node_case:await(fun() -> Frames(todo_call) =:= 300 end),
    node_case:await(fun() -> Frames(gen_server) =:= 900 end),
    ?assertEqual(Monitors, maps:get(monitors, tables(Node))),
    node_case:await(fun() -> process_info(watcher(Node), monitored_by) =:= {monitored_by, []} end).

%% Sent while Fun runs; a tick may be among them.
frames(Node, Fun) ->
    {Node, Port} = lists:keyfind(Node, 1, erlang:system_info(dist_ctrl)),
    Sent = fun() -> {ok, [{send_cnt, Count}]} = inet:getstat(Port, [send_cnt]), Count end,
    Before = Sent(),
    Fun(),
    Sent() - Before.

repeat(Times, Fun) ->
    lists:foreach(fun(_) -> Fun() end, lists:seq(1, Times)).

answers_are_equal(Config) ->
    [begin
         List = new_list(Config),
         {ok, 1} = call(Api, List, {add_entry, #{date => ?D}}),
         {ok, [2, 3]} = call(Api, List, {add_entries, [#{date => ?D}, #{date => x}]}),
         ok = call(Api, List, {update_entry, 2, #{date => y}}),
         ok = call(Api, List, {delete_entry, 3}),
         {error, not_found} = call(Api, List, {update_entry, 9, #{date => y}}),
         {error, {bad_request, nonsense}} = call(Api, List, nonsense),
         [#{id := 1}, #{id := 2}] = call(Api, List, entries),
         [#{id := 1}] = call(Api, List, {entries, ?D}, infinity),
         nil = call(Api, List, {entry, 7}, 1000),
         ok = call(Api, List, sync),
         {ok, _} = call(Api, {'Elixir.Todo.Database', node(List)}, {set_aside, key_that(Api, List)}),
         true = is_list(call(Api, {'Elixir.Todo.System', node(List)}, which_children)),
         1 = call(Api, {'Elixir.Todo.List', node(List)}, {size, value()}),
         true = is_boolean(call(Api, {net_kernel, node(List)}, {is_auth, node()}) =:= yes)
     end
     || Api <- ?APIS].

key_that(Api, List) ->
    ok = call(Api, {'Elixir.Todo.Database', node(List)}, {store, Api, x}),
    Api.

value() ->
    #{'__struct__' => 'Elixir.Todo.List', next_id => 2, entries => #{1 => #{id => 1, date => ?D}}}.

calls_and_casts_in_order(Config) ->
    List = new_list(Config),
    [begin
         ok = gen_server:cast(List, {add_entry, #{date => ?D}}),
         ?assertEqual(N, call(lists:nth(1 + N rem 2, ?APIS), List, size))
     end
     || N <- lists:seq(1, 200)].

%%% What never existed

to_the_dead(Config) ->
    Dead = killed(new_list(Config)),
    ?assertEqual(exits(noproc, [size]), same(fun() -> Dead end, [size])),
    ?assertEqual(exits(noproc, [size, infinity]), same(fun() -> Dead end, [size, infinity])).

to_unknown_names(Config) ->
    ?assertEqual(exits(noproc, [size]), same(fun() -> {nobody, node_name(Config)} end, [size])),
    ?assertEqual(exits(noproc, [size]), same(fun() -> {'', node_name(Config)} end, [size])).

to_an_earlier_creation(Config) ->
    #{node := Node, folder := Folder} = server(Config),
    Old = new_list(Config),
    _ = node_case:kill(server(Config)),
    [Name, _] = string:split(atom_to_list(Node), "@"),
    Again = node_case:start(#{name => Name, folder => Folder}),
    ok = learn(Again),
    ?assertEqual(exits(noproc, [size]), same(fun() -> Old end, [size])),
    0 = node_case:stop(Again).

to_unknown_nodes(_Config) ->
    Nowhere = node_case:node_name(node_case:unique("nowhere")),
    ?assertEqual(exits({nodedown, Nowhere}, [size]), same(fun() -> {x, Nowhere} end, [size])),
    ?assertEqual(none, watcher(Nowhere)).

to_a_node_with_another_cookie(_Config) ->
    Other = node_case:start(#{env => [{"TODO_COOKIE", "another"}]}),
    #{node := Node} = Other,
    ?assertEqual(exits({nodedown, Node}, [count]), same(fun() -> node_case:cache(Other) end, [count])),
    ?assertEqual(none, watcher(Node)),
    0 = node_case:stop(Other).

%%% What ends

reasons() ->
    [normal, shutdown, {shutdown, x}, {corrupt, <<"file">>}, noproc, noconnection, {nodedown, n}, timeout, killed,
     {exit, x}, lists:duplicate(10000, {reason, <<"long">>})].

%% The calls wait in the mailbox of a suspended process, read or not.
process_ends_with_each_reason(Config) ->
    [?assertEqual(exits(case Reason of noconnection -> {nodedown, node_name(Config)}; _ -> Reason end, [size]),
                  same(fun() -> suspended(Config) end, [size],
                       fun(List, _) -> await_waiting(List, 1), ended(List, Reason) end))
     || Reason <- reasons()],
    ?assertEqual(exits(killed, [size, infinity]),
                 same(fun() -> suspended(Config) end, [size, infinity],
                      fun(List, _) -> await_waiting(List, 1), killed(List) end)).

%% A process that traps no exits, and one that does; by a link; and the supervisor's end takes its children.
process_ends_itself_with_each_reason(Config) ->
    [?assertEqual(exits(Reason, [size]),
                  same(fun() -> suspended(Config) end, [size],
                       fun(List, _) -> await_waiting(List, 1), exit_linked(List, Reason) end))
     || Reason <- [shutdown, {corrupt, x}]].

%% By the exit of a process that links to it.
exit_linked(List, Reason) ->
    Monitor = monitor(process, List),
    _ = spawn(fun() -> link(List), exit(Reason) end),
    Reason = node_case:down(Monitor, List).

%% A change that waits for the disk is owed its answer: both signals come in one read, long before the disk is done.
change_is_owed_when_the_process_is_killed(Config) ->
    ok = node_case:seed(),
    [begin
         Lists = [new_list(Config) || _ <- lists:seq(1, 20)],
         Callers = [{List, caller(Api, List, [{add_entry, #{date => ?D}}])} || List <- Lists],
         _ = [exit(List, kill) || List <- Lists],
         [begin
              {Result, []} = await_outcome(Caller, List),
              true = Result =:= {answer, {ok, 1}}
                  orelse lists:member(Result, [exits(R, [{add_entry, #{date => ?D}}]) || R <- [killed, noproc]])
          end
          || {List, Caller} <- Callers]
     end
     || Api <- ?APIS, _ <- lists:seq(1, 5)].

node_killed(Config) ->
    [begin
         Server = node_case:start(),
         ok = learn(Server),
         #{node := Node} = Server,
         List = node_case:list(Server, <<"list">>),
         ok = sys:suspend(List),
         ?assertEqual({exits({nodedown, Node}, [size, infinity]), []},
                      outcome(Api, List, [size, infinity],
                              fun(_) -> await_waiting(List, 1), node_case:kill(Server) end)),
         node_case:await(fun() -> watcher(Node) =:= none end),
         ?assertEqual({exits({nodedown, Node}, [size]), []}, outcome(Api, List, [size], fun(_) -> ok end))
     end
     || Api <- ?APIS],
    _ = Config,
    ok.

connection_cut(Config) ->
    Node = node_name(Config),
    ?assertEqual(exits({nodedown, Node}, [size]),
                 same(fun() -> ok = learn(server(Config)), suspended(Config) end, [size],
                      fun(List, _) -> await_waiting(List, 1), true = erlang:disconnect_node(Node) end)),
    %% and is there again
    ok = learn(server(Config)),
    ?assertEqual(0, call(todo_call, new_list(Config), size)).

%% Who watches the node itself is told once for each time it asked, no matter how many calls it has made.
callers_own_nodedown_comes_once(Config) ->
    Node = node_name(Config),
    [begin
         ok = learn(server(Config)),
         List = new_list(Config),
         true = monitor_node(Node, true),
         repeat(10, fun() -> 0 = call(Api, List, size) end),
         true = monitor_node(Node, true),
         ?assertExit({timeout, _}, begin ok = sys:suspend(List), call(Api, List, size, 10) end),
         true = erlang:disconnect_node(Node),
         receive {nodedown, Node} -> ok after ?AWAIT_MS -> error(no_nodedown) end,
         receive {nodedown, Node} -> ok after ?AWAIT_MS -> error(no_nodedown) end,
         %% through net_kernel, as another one would be
         pong = net_adm:ping(Node),
         receive Message -> error({left, Message}) after 0 -> ok end
     end
     || Api <- ?APIS].

%%% What takes too long

late_answer_after_timeout(Config) ->
    List = suspended(Config),
    [begin
         ?assertExit({timeout, {gen_server, call, [List, size, 20]}}, call(Api, List, size, 20)),
         ok = sys:resume(List),
         0 = call(Api, List, size),
         ok = sys:suspend(List),
         {messages, []} = process_info(self(), messages)
     end
     || Api <- ?APIS].

%% A change that still waits when its caller has given up is not made, so asking again does not make it twice.
who_gave_up_has_changed_nothing(Config) ->
    [begin
         List = suspended(Config),
         [?assertExit({timeout, _}, call(Api, List, {add_entry, #{date => ?D}}, 20)) || _ <- lists:seq(1, 3)],
         ok = sys:resume(List),
         ?assertEqual(0, call(Api, List, size)),
         ok = sys:suspend(List),
         Caller = caller(Api, List, [{add_entry, #{date => ?D}}]),
         await_waiting(List, 1),
         true = erlang:disconnect_node(node(List)),
         {{exit, {{nodedown, _}, _}}, []} = await_outcome(Caller, List),
         ok = sys:resume(List),
         ok = learn(server(Config)),
         ?assertEqual({ok, 1}, call(Api, List, {add_entry, #{date => ?D}}))
     end
     || Api <- ?APIS].

timeouts_of_each_kind(Config) ->
    Waits = fun(List, _) -> sys:resume(List) end,
    Suspended = fun() -> suspended(Config) end,
    [?assertEqual(exits(timeout, [size, Timeout]), same(Suspended, [size, Timeout])) || Timeout <- [0, 1, 50]],
    ?assertEqual({answer, 0}, same(Suspended, [size, 16#ffffffff], Waits)),
    List = new_list(Config),
    [?assertMatch({exit, {{function_clause, _}, {gen_server, call, [List, size, Timeout]}}},
                  tried(Api, [List, size, Timeout]))
     || Api <- ?APIS, Timeout <- [-1, x, 1.0]].

infinity(Config) ->
    ?assertEqual({answer, 0},
                 same(fun() -> suspended(Config) end, [size, infinity],
                      fun(List, _) -> await_waiting(List, 1), sys:resume(List) end)).

%%% Who ends

caller_killed(Config) ->
    Node = node_name(Config),
    List = suspended(Config),
    Callers = [caller(todo_call, List, [size, infinity]) || _ <- lists:seq(1, 50)],
    await_waiting(List, 50),
    {monitored_by, By} = process_info(watcher(Node), monitored_by),
    ?assertEqual(50, length(By)),
    [exit(Pid, kill) || {Pid, _} <- Callers],
    [?assertEqual({died, killed}, await_outcome(Caller, List)) || Caller <- Callers],
    node_case:await(fun() -> process_info(watcher(Node), monitored_by) =:= {monitored_by, []} end),
    ok = sys:resume(List),
    ?assertEqual(0, call(todo_call, List, size)).

%%% Who is called

local_processes(_Config) ->
    {ok, Local} = otp_reference_start(),
    register(fast_local, Local),
    [?assertEqual(Expected, same(fun() -> Server end, [Request, 100]))
     || {Server, Request, Expected} <- [{Local, {echo, x}, {answer, x}},
                                        {fast_local, {echo, {exit, x}}, {answer, {exit, x}}},
                                        {{fast_local, node()}, {echo, x}, {answer, x}},
                                        {{global, nobody}, x, exits(noproc, [x, 100])},
                                        {nobody, x, exits(noproc, [x, 100])},
                                        {{nobody, node()}, x, exits(noproc, [x, 100])}]],
    [?assertExit({calling_self, {gen_server, call, [_, x]}}, call(Api, self(), x)) || Api <- ?APIS],
    ok = gen_server:stop(Local).

otp_reference_start() ->
    gen_server:start(?MODULE, [], []).

init([]) ->
    {ok, none}.

handle_call({echo, Term}, _From, State) ->
    {reply, Term, State};
handle_call(count, _From, State) ->
    {reply, 0, State}.

handle_cast(_, State) ->
    {noreply, State}.

%% What is no todo node is always called as usual.
processes_of_a_beam(_Config) ->
    Name = node_case:unique("beam"),
    Beam = start_beam(Name),
    Node = node_case:node_name(Name),
    {ok, Pid} = erpc:call(Node, gen_server, start, [{local, fast_remote}, ?MODULE, [], []]),
    repeat(20, fun() -> {exit, x} = call(todo_call, Pid, {echo, {exit, x}}) end),
    node_case:await(fun() -> watcher(Node) =:= no end),
    ?assertEqual({answer, {exit, x}}, same(fun() -> {fast_remote, Node} end, [{echo, {exit, x}}])),
    ok = beam_case:stop(Beam),
    node_case:await(fun() -> watcher(Node) =:= none end).

start_beam(Name) ->
    start_beam(Name, []).

start_beam(Name, Arguments) ->
    Beam = beam_case:start(#{args => ["-sname", Name, "-setcookie", atom_to_list(erlang:get_cookie()), "-pa",
                                      filename:dirname(code:which(?MODULE)) | Arguments]}),
    node_case:await(fun() -> pong =:= net_adm:ping(node_case:node_name(Name)) end),
    Beam.

%% Calls go on all the time, by name: what found out about the node that was there is not used for the one that is.
beam_takes_the_name_of_the_node(_Config) ->
    Name = node_case:unique("todo"),
    Server = node_case:start(#{name => Name}),
    #{node := Node} = Server,
    ok = learn(Server),
    List = node_case:list(Server, <<"list">>),
    Stop = make_ref(),
    Callers = [spawn_monitor(fun() -> exit({ended, call_until(Stop, Node, [])}) end) || _ <- lists:seq(1, 8)],
    _ = node_case:kill(Server),
    Beam = start_beam(Name),
    {ok, _} = erpc:call(Node, gen_server, start, [{local, 'Elixir.Todo.Cache'}, ?MODULE, [], []]),
    node_case:await(fun() -> watcher(Node) =:= no end),
    ?assertEqual(x, call(todo_call, {'Elixir.Todo.Cache', Node}, {echo, x})),
    ?assertEqual(exits(noproc, [size]), same(fun() -> List end, [size])),
    [Pid ! Stop || {Pid, _} <- Callers],
    [receive
         {'DOWN', Monitor, process, Pid, {ended, Results}} ->
             [] = [R || R <- lists:usort(Results), not lists:member(R, [error, answer, {nodedown, Node}, noproc])]
     after ?AWAIT_MS ->
             error(caller_hangs)
     end
     || {Pid, Monitor} <- Callers],
    ok = beam_case:stop(Beam).

call_until(Stop, Node, Results) ->
    Result = try todo_call:call(gen_server, {'Elixir.Todo.Cache', Node}, {echo, x}, infinity) of
                 {error, {bad_request, _}} -> error;
                 x -> answer
             catch
                 exit:{Reason, {gen_server, call, _}} -> Reason
             end,
    receive Stop -> [Result | Results] after 1 -> call_until(Stop, Node, lists:usort([Result | Results])) end.

%%% At once

many_callers(Config) ->
    List = new_list(Config),
    {ok, _} = call(todo_call, List, {add_entries, [#{date => N} || N <- lists:seq(1, 256)]}),
    Callers = [spawn_monitor(fun() ->
                                     repeat(100, fun() -> [#{date := N}] = call(todo_call, List, {entries, N}) end),
                                     {messages, []} = process_info(self(), messages)
                             end)
               || N <- lists:seq(1, 256)],
    [normal = node_case:down(Monitor, Pid) || {Pid, Monitor} <- Callers].

%% Nobody knows the node yet.
first_calls_at_once(_Config) ->
    Server = node_case:start(),
    #{node := Node} = Server,
    Count = fun() -> 0 = call(todo_call, node_case:cache(Server), count) end,
    Callers = [spawn_monitor(fun() -> repeat(50, Count) end) || _ <- lists:seq(1, 256)],
    [normal = node_case:down(Monitor, Pid) || {Pid, Monitor} <- Callers],
    ok = learn(Server),
    0 = node_case:stop(Server),
    node_case:await(fun() -> watcher(Node) =:= none end).

watcher_killed(Config) ->
    Node = node_name(Config),
    List = new_list(Config),
    killed(watcher(Node)),
    _ = tried(todo_call, [List, size]),
    ?assertEqual(0, call(todo_call, List, size)),
    ok = learn(server(Config)).

%%% Beside the call

seq_trace_token(Config) ->
    [?assertMatch([Token, Token], [traced(Api, Server) || Api <- ?APIS])
     || Server <- [new_list(Config), killed(new_list(Config))]],
    ?assertEqual([{label, kept}, {send, true}], traced(todo_call, new_list(Config))).

%% Label and flags of the token that the caller has afterwards.
traced(Api, Server) ->
    _ = seq_trace:set_token(label, kept),
    _ = seq_trace:set_token(send, true),
    _ = tried(Api, [Server, size]),
    Token = [seq_trace:get_token(label), seq_trace:get_token(send)],
    _ = seq_trace:set_token([]),
    Token.

%% The exits of the modules Todo.* are GenServer's. In a BEAM of its own, where Elixir is.
elixir_exits(Config) ->
    {0, Elixir} = beam_case:shell("elixir -e 'IO.write(:code.lib_dir(:elixir))'", []),
    Beam = start_beam(node_case:unique("elixir"), ["-pa", filename:join(Elixir, "ebin"), ?config(ebin, Config)]),
    ok = beam_case:call(Beam, ?MODULE, exit_there, [server(Config), killed(new_list(Config))]),
    ok = beam_case:stop(Beam).

exit_there(Server, Dead) ->
    ok = learn(Server),
    Mfa = {'Elixir.GenServer', call, [Dead, size, 5000]},
    ?assertExit({noproc, Mfa}, 'Elixir.GenServer':call(Dead, size)),
    ?assertExit({noproc, Mfa}, 'Elixir.Todo.Server':size(Dead)),
    ?assertExit({noproc, {gen_server, call, [Dead, size]}}, todo:size(Dead)),
    ok.

%%% Everything

%% Callers of both kinds do what they like to lists that are suspended, resumed, ended and killed all the time; the
%% connection is cut now and then. Each call is answered or exits as it may, none hangs, nothing is left anywhere.
random_mix(Config) ->
    Seed = node_case:fresh_seed(),
    ct:pal("seed ~b (SEED=~b repeats this run)", [Seed, Seed]),
    Server = server(Config),
    Node = node_name(Config),
    Before = tables(Node),
    Callers = [{Api, spawn_monitor(fun() -> mix(Api, Server, Seed + N, 150) end)}
               || N <- lists:seq(1, 24), Api <- ?APIS],
    ok = disturb(Server, 150),
    Results = [begin
                   {mixed, Result} = node_case:down(Monitor, Pid),
                   {Api, Result}
               end
               || {Api, {Pid, Monitor}} <- Callers],
    [Plain, Fast] = [lists:usort([R || {A, Rs} <- Results, A =:= Api, R <- Rs]) || Api <- ?APIS],
    ct:pal("gen_server: ~p~ntodo_call: ~p", [Plain, Fast]),
    Legal = [answer, timeout, noproc, killed, normal, shutdown, {corrupt, x}, {nodedown, Node}],
    ?assertEqual([], (Plain ++ Fast) -- (Legal ++ Legal)),
    ok = learn(Server),
    node_case:await(fun() ->
                            maps:with([monitors, aliases], Before) =:= maps:with([monitors, aliases], tables(Node))
                    end),
    node_case:await(fun() -> process_info(watcher(Node), monitored_by) =:= {monitored_by, []} end).

-define(LISTS, [<<"a">>, <<"b">>, <<"c">>, <<"d">>]).

mix(Api, Server, Seed, Times) ->
    _ = rand:seed(exsss, Seed),
    Results = [mixed_call(Api, Server) || _ <- lists:seq(1, Times)],
    %% Late answers go to aliases that have ended.
    _ = tried(gen_server, [node_case:cache(Server), count]),
    {messages, []} = process_info(self(), messages),
    exit({mixed, lists:usort(Results)}).

mixed_call(Api, Server) ->
    case tried(Api, [node_case:cache(Server), {server_process, pick(?LISTS)}]) of
        {answer, List} when is_pid(List) ->
            Request = pick([size, entries, {add_entry, #{date => ?D}}, sync, nonsense]),
            verdict(tried(Api, [List, Request, pick([0, 5, 50, 5000])]));
        Other ->
            verdict(Other)
    end.

verdict({answer, _}) -> answer;
verdict({exit, {Reason, {gen_server, call, _}}}) -> Reason.

pick(Items) ->
    lists:nth(rand:uniform(length(Items)), Items).

disturb(_Server, 0) ->
    ok;
disturb(#{node := Node} = Server, Times) ->
    receive after rand:uniform(10) -> ok end,
    _ = try
            List = node_case:list(Server, pick(?LISTS)),
            disturb_list(rand:uniform(12), Node, List)
        catch
            exit:_ -> lost
        end,
    disturb(Server, Times - 1).

disturb_list(1, Node, _) -> erlang:disconnect_node(Node);
disturb_list(N, _, List) when N < 4 -> exit(List, kill);
disturb_list(N, _, List) when N < 8 -> gen_server:stop(List, pick([normal, shutdown, {corrupt, x}]), 1000);
disturb_list(_, _, List) ->
    ok = sys:suspend(List, 1000),
    receive after rand:uniform(20) -> ok end,
    sys:resume(List, 1000).
