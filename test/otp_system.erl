%% Operations of otp_SUITE: sys, supervisors, functions of the node (rpc, erpc, spawn).
-module(otp_system).

-export([operations/0]).

-import(otp_case, [node_of/1, cache/1, system/1, value/1, list/1, dead/1, never/1, stale/1, down/1, mail/1, count/1,
                   suspended/1, later/1]).

-define(D, {2023, 12, 19}).
-define(LIST, 'Elixir.Todo.List').
-define(DATABASE, 'Elixir.Todo.Database').
-define(CACHE, 'Elixir.Todo.Cache').

-spec operations() -> [otp_case:operation()].
operations() ->
    sys() ++ sys_replace_state() ++ sys_log() ++ supervisors() ++ supervisors_that_act() ++ functions().

sys() ->
    [{sys_get_state, [],
      fun(T) ->
              P = list(T), {ok, 1} = gen_server:call(P, {add_entry, #{date => ?D, title => a}}), sys:get_state(P)
      end},
     {sys_get_state_suspended, [], fun(T) -> sys:get_state(suspended(T)) end},
     {sys_get_state_by_name, [], fun(T) -> sys:get_state(value(T)) end},
     {sys_get_state_of_supervisor, [], fun(T) -> [sys:get_state(S) || S <- [system(T), {?DATABASE, node_of(T)}]] end},
     {sys_get_state_of_supervisor_after_restarts, [own],
      fun(T) ->
              S = {?DATABASE, node_of(T)},
              restart_a_worker(S),
              restart_a_worker(S),
              ok = supervisor:terminate_child(S, 2),
              State = sys:get_state(S),
              setelement(8, State, [is_integer(Time) || Time <- element(8, State)])
      end},
     {sys_get_state_dead, [], fun(T) -> sys:get_state(dead(T)) end},
     {sys_get_state_stale, [], fun(T) -> sys:get_state(stale(T), 5000) end},
     {sys_get_state_unknown_name, [], fun(T) -> sys:get_state({nobody, node_of(T)}) end},
     {sys_get_status, [], fun(T) -> status(list(T)) end},
     {sys_get_status_suspended, [], fun(T) -> status(suspended(T)) end},
     {sys_get_status_by_name, [], fun(T) -> status(value(T)) end},
     {sys_get_status_of_a_child, [],
      fun(T) ->
              {?DATABASE, Database, _, _} = lists:keyfind(?DATABASE, 1, supervisor:which_children(system(T))),
              [{_, Worker, _, _} | _] = supervisor:which_children(Database),
              without_state(status(Worker))
      end},
     {sys_get_status_of_supervisor, [], fun(T) -> status({?DATABASE, node_of(T)}) end},
     {sys_get_status_debugged, [],
      fun(T) ->
              P = list(T),
              sys:trace(P, true),
              sys:statistics(P, true),
              {status, _, _, [_, _, _, Debug, _]} = sys:get_status(P),
              [Key || {Key, _} <- Debug]
      end},
     {sys_suspend_resume, [],
      fun(T) ->
              P = list(T),
              [sys:suspend(P), sys:suspend(P), catch gen_server:call(P, size, 20),
               gen_server:cast(P, {add_entry, #{date => ?D}}),
               sys:resume(P), sys:resume(P), count(P)]
      end},
     {sys_suspend_keeps_the_order, [],
      fun(T) ->
              P = suspended(T),
              [P ! {'$gen_call', {self(), N}, {entry, N}} || N <- lists:seq(1, 20)],
              {[] = sys_mail(), sys:resume(P), mail(20)}
      end},
     {sys_suspend_by_name, [],
      fun(T) ->
              {sys:suspend(value(T)), catch gen_server:call(value(T), {new, []}, 20), sys:resume(value(T)),
               gen_server:call(value(T), {new, []})}
      end},
     {sys_suspend_dead, [], fun(T) -> sys:suspend(dead(T)) end},
     {sys_resume_running, [], fun(T) -> sys:resume(list(T)) end},
     {sys_statistics, [],
      fun(T) ->
              P = list(T),
              Before = sys:statistics(P, get),
              On = sys:statistics(P, true),
              _ = [count(P), gen_server:cast(P, {no, such}), P ! garbage, gen_server:call(P, {no, such}),
                   sys:get_state(P)],
              {ok, Statistics} = sys:statistics(P, get),
              {Before, On, [{K, if is_integer(V), K =/= reductions -> V; true -> shape(V) end} || {K, V} <- Statistics],
               sys:statistics(P, false), sys:statistics(P, get)}
      end},
     {sys_trace, [], fun(T) -> P = list(T), {sys:trace(P, true), sys:trace(P, false), count(P)} end},
     {sys_log_to_file, [],
      fun(T) -> P = list(T), {sys:log_to_file(P, "/nowhere/at/all"), sys:log_to_file(P, false)} end},
     {sys_no_debug, [], fun(T) -> P = list(T), sys:statistics(P, true), {sys:no_debug(P), sys:statistics(P, get)} end},
     {sys_unknown_debug, [], fun(T) -> gen_server:call(list(T), size), raw_system(T, {debug, nonsense}) end},
     {sys_unknown_message, [], fun(T) -> raw_system(T, {no, such}) end},
     {sys_terminate, [], fun(T) -> P = list(T), M = monitor(process, P), {sys:terminate(P, {my, reason}), down(M)} end},
     {sys_change_code_running, [], fun(T) -> sys:change_code(list(T), 'Elixir.Todo.Server', undefined, []) end},
     {sys_change_code_suspended, [],
      fun(T) ->
              P = suspended(T),
              [sys:change_code(P, 'Elixir.Todo.Server', undefined, []), sys:get_state(P), sys:resume(P), count(P),
               sys:change_code(P, 'Elixir.Todo.Server', undefined, [])]
      end},
     {sys_change_code_of_supervisor, [own],
      fun(T) ->
              S = {?DATABASE, node_of(T)},
              [sys:suspend(S), sys:change_code(S, ?DATABASE, "1", {x}), sys:resume(S), supervisor:count_children(S)]
      end},
     {sys_change_code_malformed, [],
      fun(T) -> suspended(T) ! {system, {self(), tag}, {change_code, a, b}}, mail(1) end},
     {sys_install, [],
      fun(T) -> P = list(T), {sys:install(P, {fun erlang:max/2, 1}), sys:remove(P, fun erlang:max/2), count(P)} end},
     {sys_timeout, [own],
      fun(T) ->
              P = list(T),
              otp_case:freeze(T),
              Answer = (catch sys:get_state(P, 100)),
              otp_case:thaw(T),
              {Answer, sys:get_state(P)}
      end},
     {sys_dies_meanwhile, [own],
      fun(T) ->
              P = list(T),
              otp_case:freeze(T),
              later(fun() -> otp_case:kill(T) end),
              sys:get_state(P)
      end}].

sys_replace_state() ->
    [{sys_replace_state, [], fun(T) -> sys:replace_state(list(T), fun erlang:hd/1) end},
     {sys_replace_state_by_another, [],
      fun(T) ->
              P = list(T),
              {ok, 1} = gen_server:call(P, {add_entry, #{date => ?D}}),
              [sys:replace_state(P, evaluated("fun(#{entries := E} = S) -> S#{next_id := 9, entries := E#{4 => "
                                              "#{date => a, id => 4}}} end.")),
               sys:get_state(P), gen_server:call(P, entries), gen_server:call(P, {add_entry, #{date => b}}),
               sys:replace_state(P, evaluated("fun(S) -> S#{next_id := 1, entries := #{}} end.")), count(P),
               gen_server:call(P, {add_entry, #{date => c}})]
      end},
     {sys_replace_state_by_itself, [],
      fun(T) ->
              [sys:replace_state(P, evaluated("fun(S) -> S end.")) =:= sys:get_state(P)
               || P <- [list(T), cache(T), value(T), system(T), {?DATABASE, node_of(T)}]]
      end},
     {sys_replace_state_raises, [],
      fun(T) ->
              P = list(T),
              [catch sys:replace_state(P, evaluated(Fun))
               || Fun <- ["fun(_) -> throw({a, \"b\"}) end.", "fun(_) -> exit(#{c => 1}) end.",
                          "fun(_) -> exit(normal) end.", "fun(_) -> error(d) end.", "fun(_) -> error({e, []}) end.",
                          "fun(_) -> no_such_module:f() end.", "fun(_, _) -> a end.", "fun() -> a end.", "no_fun.",
                          "fun(S) -> #{next_id := 2} = S end."]]
                  ++ [count(P)]
      end},
     {sys_replace_state_suspended, [],
      fun(T) ->
              P = suspended(T),
              [sys:replace_state(P, evaluated("fun(S) -> S#{next_id := 5} end.")), sys:get_state(P), sys:resume(P),
               gen_server:call(P, {add_entry, #{date => a}})]
      end},
     {sys_replace_state_prints, [],
      fun(T) -> sys:replace_state(list(T), evaluated("fun(S) -> io:format(\"x~n\"), S end.")) end},
     {sys_replace_state_by_name, [],
      fun(T) -> sys:replace_state(value(T), evaluated("fun(S) -> S end.")), gen_server:call(value(T), {new, []}) end},
     {sys_replace_state_dead, [], fun(T) -> sys:replace_state(dead(T), fun erlang:hd/1) end},
     {sys_replace_state_others_wait, [],
      fun(T) ->
              P = list(T),
              {Replacer, Runner} = replacing(P),
              Request = gen_server:send_request(P, size),
              Early = gen_server:receive_response(Request, 50),
              Runner ! {go, evaluated("fun(S) -> S end.")},
              {Early, down(Replacer), count(P)}
      end},
     {sys_replace_state_killed_meanwhile, [],
      fun(T) ->
              P = list(T),
              {Replacer, Runner} = replacing(P),
              Running = monitor(process, Runner),
              exit(P, kill),
              {'DOWN', _, _, _, {Reason, {sys, _, _}}} = down(Replacer),
              {Reason, element(5, down(Running))}
      end},
     {sys_replace_state_no_list, [],
      fun(T) ->
              P = list(T), [catch sys:replace_state(P, evaluated(F)) || F <- ["fun(_) -> x end.", "fun(_) -> #{} end."]]
      end},
     {sys_replace_state_of_the_cache, [own],
      fun(T) -> sys:replace_state(cache(T), evaluated("fun(_) -> #{} end.")) end}].

%% A fun that every BEAM can run.
evaluated(Text) ->
    {ok, Tokens, _} = erl_scan:string(Text),
    {ok, Expressions} = erl_parse:parse_exprs(Tokens),
    {value, Value, _} = erl_eval:exprs(Expressions, []),
    Value.

%% Somebody replaces the state of P with a fun that waits for {go, Fun}: who is monitored, and where the fun runs.
replacing(P) ->
    Fun = (evaluated("fun(Client) -> fun(S) -> Client ! {runs, self()}, receive {go, F} -> F(S) end end end."))(self()),
    {_, Replacer} = spawn_monitor(fun() -> exit({value, sys:replace_state(P, Fun)}) end),
    receive {runs, Runner} -> {Replacer, Runner} after 5000 -> error(does_not_run) end.

sys_log() ->
    [{sys_log, [],
      fun(T) ->
              P = list(T), {sys:log(P, true), sys:log(P, get), sys:log(P, false), sys:log(P, {true, 5}),
                            sys:log(P, false)}
      end},
     {sys_log_events, [], fun(T) -> P = list(T), sys:log(P, true), count(P), sys:log(P, get) end},
     {sys_log_of_everything, [],
      fun(T) ->
              P = list(T),
              sys:log(P, {true, 100}),
              gen_server:cast(P, {add_entry, #{date => ?D}}),
              P ! {garbage, "text"},
              [gen_server:call(P, R) || R <- [{add_entry, #{date => ?D}}, entries, {no, such}, {entry, 2}]],
              gen_server:cast(P, {no, such}),
              sys:get_state(P),
              sys:suspend(P), sys:resume(P),
              sys:log(P, get)
      end},
     {sys_log_keeps_the_last, [],
      fun(T) ->
              P = list(T),
              sys:log(P, {true, 3}),
              [begin gen_server:call(P, {entry, N}), {ok, Events} = sys:log(P, get), Events end || N <- lists:seq(1, 5)]
      end},
     {sys_log_of_ten, [],
      fun(T) ->
              P = list(T), sys:log(P, true), [gen_server:call(P, {entry, N}) || N <- lists:seq(1, 9)],
              sys:log(P, get)
      end},
     {sys_log_twice, [],
      fun(T) ->
              P = list(T),
              sys:log(P, {true, 2}), count(P), sys:log(P, true), sys:log(P, {true, 7}), count(P),
              {sys:log(P, get), sys:log(P, false), sys:log(P, get), sys:log(P, true), sys:log(P, get)}
      end},
     {sys_log_in_status, [],
      fun(T) ->
              P = list(T),
              sys:log(P, {true, 3}),
              [begin gen_server:call(P, {entry, N}), logged(P) end || N <- lists:seq(1, 5)]
      end},
     {sys_log_in_status_by_name, [own],
      fun(T) -> sys:log(value(T), true), gen_server:call(value(T), x), logged(value(T)) end},
     {sys_log_of_supervisor, [own],
      fun(T) ->
              S = {?DATABASE, node_of(T)},
              sys:log(S, true), supervisor:count_children(S), supervisor:which_children(S), sys:log(S, get)
      end},
     {sys_log_print, [],
      fun(T) -> P = list(T), sys:log(P, true), count(P), {sys:log(P, print), length(element(2, sys:log(P, get)))} end},
     {sys_log_and_statistics, [],
      fun(T) ->
              P = list(T),
              [sys:log(P, true), sys:statistics(P, true), sys:trace(P, false), count(P),
               lists:keyfind(messages_out, 1, element(2, sys:statistics(P, get))), sys:log(P, get),
               [Key || {Key, _} <- debug_of(P)], sys:log(P, false), [Key || {Key, _} <- debug_of(P)], sys:no_debug(P),
               debug_of(P)]
      end},
     {sys_log_malformed, [],
      fun(T) ->
              P = list(T),
              [P ! {system, {self(), N}, {debug, Command}}
               || {N, Command} <- [{1, {log, {true, 0}}}, {2, {log, {true, x}}}, {3, {log, yes}}, {4, {trace, yes}},
                                   {5, {statistics, yes}}, {6, {install, f}}, {7, {install, {f, 1}}},
                                   {8, {log, {true, 1, 2}}}, {9, {log}}]],
              mail(9)
      end}].

debug_of(Server) ->
    {status, _, _, [_, _, _, Debug, _]} = sys:get_status(Server),
    Debug.

%% What get_status shows of the log; the function that prints an event is a fun of either node.
logged(Server) ->
    {status, _, _, [_, _, _, Debug, [_, {data, Data} | _]]} = sys:get_status(Server),
    {log, Log} = lists:keyfind(log, 1, Debug),
    {sys:get_log(Debug), lists:keyfind("Logged events", 1, Data), without_funs(Log)}.

without_funs({Event, Name, Fun}) when is_function(Fun, 3) -> {Event, Name, function};
without_funs(List) when is_list(List) -> [without_funs(Element) || Element <- List];
without_funs(Other) -> Other.

sys_mail() ->
    receive M -> [M] after 20 -> [] end.

raw_system(T, Command) ->
    list(T) ! {system, {self(), tag}, Command},
    mail(1).

%% Without who has started the tree: a process on a BEAM, nobody in a C program. A dictionary has no order.
status(Server) ->
    {status, Pid, Module, [Dictionary, State, Parent, Debug, Misc]} = sys:get_status(Server),
    {_, Ancestors} = lists:keyfind('$ancestors', 1, Dictionary),
    Named = lists:takewhile(fun is_atom/1, Ancestors),
    Trimmed = lists:sort(lists:keystore('$ancestors', 1, Dictionary, {'$ancestors', Named})),
    {status, Pid, Module, [Trimmed, State, Parent, Debug, Misc]}.

%% What a supervisor's state looks like is its own affair.
without_state({status, Pid, Module, [Dictionary, State, Parent, Debug, Misc]}) ->
    {status, Pid, Module, [Dictionary, State, Parent, Debug,
                           [case D of {data, [{"State", _}]} -> state; _ -> D end || D <- Misc]]}.

shape(Tuple) when is_tuple(Tuple) -> {tuple, tuple_size(Tuple)};
shape(Number) when is_integer(Number), Number >= 0 -> non_negative;
shape(Other) -> Other.

supervisors() ->
    [{supervisor_which_children, [], fun(T) -> supervisor:which_children(system(T)) end},
     {supervisor_which_children_by_pid, [],
      fun(T) -> {status, P, _, _} = sys:get_status(system(T)), supervisor:which_children(P) end},
     {supervisor_which_children_of_the_database, [], fun(T) -> supervisor:which_children({?DATABASE, node_of(T)}) end},
     {supervisor_which_children_of_the_cache, [own],
      fun(T) -> list(T), {supervisor:which_children(cache(T)), supervisor:count_children(cache(T))} end},
     {supervisor_count_children, [],
      fun(T) -> [supervisor:count_children(S) || S <- [system(T), {?DATABASE, node_of(T)}]] end},
     {supervisor_get_childspec, [],
      fun(T) -> [supervisor:get_childspec(system(T), Id) || Id <- [?CACHE, ?DATABASE, ?LIST, nobody, "x", 1]] end},
     {supervisor_get_childspec_of_a_worker, [],
      fun(T) -> [supervisor:get_childspec({?DATABASE, node_of(T)}, Id) || Id <- [0, 2, 3, a]] end},
     {supervisor_get_childspec_by_pid, [],
      fun(T) -> [{_, P, _, _} | _] = supervisor:which_children(system(T)), supervisor:get_childspec(system(T), P) end},
     {supervisor_restart_running, [], fun(T) -> supervisor:restart_child(system(T), ?CACHE) end},
     {supervisor_delete_running, [], fun(T) -> supervisor:delete_child(system(T), ?CACHE) end},
     {supervisor_unknown_child, [],
      fun(T) ->
              [F(system(T), nobody) || F <- [fun supervisor:restart_child/2, fun supervisor:delete_child/2,
                                             fun supervisor:terminate_child/2]]
      end},
     {supervisor_terminate_child_by_pid, [], fun(T) -> supervisor:terminate_child(system(T), self()) end},
     {supervisor_start_child_already_started, [],
      fun(T) -> supervisor:start_child(system(T), #{id => ?CACHE, start => {?CACHE, start_link, []}}) end},
     {supervisor_start_child_no_spec, [],
      fun(T) -> [supervisor:start_child(system(T), S) || S <- [foo, [], {a, b}, 1]] end},
     {supervisor_start_child_bad_map, [],
      fun(T) -> [supervisor:start_child(system(T), S)
                 || S <- [#{}, #{id => a}, #{start => {a, b, []}}, #{id => a, start => b},
                          #{id => a, start => {a, b, c}},
                          #{id => a, start => {a, b, []}, restart => often},
                          #{id => a, start => {a, b, []}, shutdown => -1},
                          #{id => a, start => {a, b, []}, type => t}, #{id => a, start => {a, b, []}, modules => m},
                          #{id => a, start => {a, b, []}, modules => ["m"]}]]
      end},
     {supervisor_start_child_bad_significance, [{since, 24}],
      fun(T) -> [supervisor:start_child(system(T), #{id => a, start => {a, b, []}, significant => S})
                 || S <- [1, true]]
      end},
     {supervisor_start_child_bad_tuple, [],
      fun(T) -> [supervisor:start_child(system(T), S)
                 || S <- [{a, {b, c, []}, often, 1, worker, [b]}, {a, {b, c, []}, permanent, soon, worker, [b]},
                          {a, b, permanent, 1, worker, [b]}, {a, {b, c, []}, permanent, 1, w, [b]},
                          {a, {b, c, []}, permanent, 1, worker, b}, {a, {b, c, []}, permanent, 1, worker}]]
      end},
     {supervisor_start_child_without_the_code, [],
      fun(T) ->
              [supervisor:start_child(system(T), S)
               || S <- [#{id => a, start => {no_such_module, start_link, []}},
                        #{id => "b", start => {no_such_module, f, [1, x]}, restart => temporary,
                          shutdown => brutal_kill,
                          type => supervisor, modules => dynamic},
                        {c, {no_such_module, start_link, []}, transient, infinity, worker, [m]}]]
      end},
     {supervisor_call_unknown_name, [], fun(T) -> supervisor:which_children({nobody, node_of(T)}) end},
     {supervisor_garbage, [],
      fun(T) ->
              {[{?DATABASE, node_of(T)} ! M || M <- [x, {'EXIT', self(), y}]],
               supervisor:count_children({?DATABASE, node_of(T)})}
      end}].

supervisors_that_act() ->
    [{supervisor_terminate_and_restart, [own],
      fun(T) ->
              S = system(T),
              M = monitor(process, cache(T)),
              [supervisor:terminate_child(S, ?CACHE), down(M), supervisor:which_children(S),
               supervisor:count_children(S),
               catch gen_server:call(cache(T), count), supervisor:terminate_child(S, ?CACHE),
               supervisor:start_child(S, #{id => ?CACHE, start => {?CACHE, start_link, []}}),
               supervisor:restart_child(S, ?CACHE), gen_server:call(cache(T), count)]
      end},
     {supervisor_terminate_ends_the_lists, [own],
      fun(T) -> P = list(T), M = monitor(process, P), {supervisor:terminate_child(system(T), ?CACHE), down(M)} end},
     {supervisor_terminate_child_that_owes, [own],
      fun(T) ->
              ok = sys:suspend(value(T)),
              later(fun() -> supervisor:terminate_child(system(T), ?LIST) end),
              gen_server:call(value(T), {new, []})
      end},
     {supervisor_delete, [own],
      fun(T) ->
              S = system(T),
              [supervisor:terminate_child(S, ?LIST), supervisor:delete_child(S, ?LIST), supervisor:which_children(S),
               supervisor:count_children(S), supervisor:delete_child(S, ?LIST), supervisor:restart_child(S, ?LIST),
               supervisor:get_childspec(S, ?LIST)]
      end},
     {supervisor_worker_terminated, [own],
      fun(T) ->
              S = {?DATABASE, node_of(T)},
              [supervisor:terminate_child(S, 1), supervisor:which_children(S), supervisor:count_children(S),
               supervisor:restart_child(S, 1),
               supervisor:which_children(S)]
      end},
     {supervisor_restarts_the_rest, [own],
      fun(T) ->
              Before = supervisor:which_children(system(T)),
              Ms = [monitor(process, P) || {_, P, _, _} <- Before],
              {_, Database, _, _} = lists:keyfind(?DATABASE, 1, Before),
              exit(Database, kill),
              Downs = [down(M) || {M, {Id, _, _, _}} <- lists:zip(Ms, Before), Id =/= ?LIST],
              node_case:await(fun() -> lists:all(fun({_, P, _, _}) -> is_pid(P) end,
                                                 supervisor:which_children(system(T))) end),
              [demonitor(M, [flush]) || M <- Ms],
              {Before, Downs, supervisor:which_children(system(T))}
      end},
     {supervisor_restarts_one_worker, [own],
      fun(T) ->
              S = {?DATABASE, node_of(T)},
              Before = supervisor:which_children(S),
              {1, Worker, _, _} = lists:keyfind(1, 1, Before),
              M = monitor(process, Worker),
              exit(Worker, {worker, crashed}),
              Down = down(M),
              node_case:await(fun() -> {_, New, _, _} = lists:keyfind(1, 1, supervisor:which_children(S)),
                              New =/= Worker end),
              {Before, Down, supervisor:which_children(S)}
      end},
     {supervisor_unknown_cast, [own],
      fun(T) ->
              M = monitor(process, {?DATABASE, node_of(T)}),
              gen_server:cast({?DATABASE, node_of(T)}, {no, such}),
              catch supervisor:count_children({?DATABASE, node_of(T)}),
              demonitor(M, [flush, info])
      end},
     {supervisor_unknown_call, [own],
      fun(T) ->
              M = monitor(process, {?DATABASE, node_of(T)}),
              catch gen_server:call({?DATABASE, node_of(T)}, {no, such}),
              demonitor(M, [flush, info])
      end},
     {supervisor_gives_up, [own],
      fun(T) ->
              #{os_pid := OsPid, node := Node} = T,
              true = is_integer(OsPid),
              monitor_node(Node, true),
              M = monitor(process, system(T)),
              kill_value(T, 3),
              catch exit(where(T), kill),
              Down = down(M),
              {Down, receive {nodedown, Node} -> nodedown after 5000 -> still_there end}
      end},
     {supervisor_stopped, [own],
      fun(T) ->
              #{node := Node} = T,
              monitor_node(Node, true),
              P = list(T),
              M = monitor(process, P),
              Answer = gen_server:stop(system(T), shutdown, 5000),
              {Answer, down(M), receive {nodedown, Node} -> nodedown after 5000 -> still_there end}
      end}].

restart_a_worker(S) ->
    {1, Worker, _, _} = lists:keyfind(1, 1, supervisor:which_children(S)),
    M = monitor(process, Worker),
    exit(Worker, kill),
    {'DOWN', M, process, Worker, killed} = down(M),
    ok = node_case:await(fun() ->
                                 {_, New, _, _} = lists:keyfind(1, 1, supervisor:which_children(S)),
                                 is_pid(New) andalso New =/= Worker
                         end).

where(T) ->
    pid_of(value(T)).

kill_value(_, 0) ->
    ok;
kill_value(T, N) ->
    P = where(T),
    M = monitor(process, P),
    exit(P, kill),
    {'DOWN', M, process, P, killed} = down(M),
    ok = node_case:await(fun() -> is_map(catch gen_server:call(value(T), {new, []})) end),
    kill_value(T, N - 1).

functions() ->
    [{rpc_node, [], fun(T) -> rpc:call(node_of(T), erlang, node, []) end},
     {rpc_processes, [],
      fun(T) -> P = list(T), is_list(Ps = rpc:call(node_of(T), erlang, processes, [])) andalso lists:member(P, Ps) end},
     {rpc_registered, [], fun(T) -> lists:member(?CACHE, rpc:call(node_of(T), erlang, registered, [])) end},
     {rpc_whereis, [],
      fun(T) ->
              {rpc:call(node_of(T), erlang, whereis, [?CACHE]) =:= where_cache(T),
               rpc:call(node_of(T), erlang, whereis, [nobody])}
      end},
     {rpc_is_process_alive, [],
      fun(T) -> [rpc:call(node_of(T), erlang, is_process_alive, [P]) || P <- [list(T), dead(T), never(T)]] end},
     {rpc_process_info_of_the_dead, [], fun(T) -> rpc:call(node_of(T), erlang, process_info, [dead(T)]) end},
     {rpc_process_info_links, [],
      fun(T) ->
              P = list(T), link(P), {links, Ls} = rpc:call(node_of(T), erlang, process_info, [P, links]), unlink(P),
              lists:member(self(), Ls)
      end},
     {rpc_process_info_queue, [],
      fun(T) ->
              P = suspended(T), [P ! x || _ <- [1, 2, 3]],
              rpc:call(node_of(T), erlang, process_info, [P, message_queue_len])
      end},
     {rpc_process_info_dictionary, [],
      fun(T) ->
              [begin
                   {dictionary, Dictionary} = rpc:call(node_of(T), erlang, process_info, [P, dictionary]),
                   lists:keyfind('$initial_call', 1, Dictionary)
               end || P <- [list(T), pid_of(value(T)), pid_of(system(T)), pid_of({?DATABASE, node_of(T)})]]
      end},
     {rpc_initial_call, [],
      fun(T) ->
              [rpc:call(node_of(T), proc_lib, Function, [P])
               || Function <- [initial_call, translate_initial_call],
                  P <- [list(T), dead(T), pid_of(value(T)), pid_of(system(T))]]
      end},
     {rpc_nodes, [], fun(T) -> lists:member(node(), rpc:call(node_of(T), erlang, nodes, [connected])) end},
     {rpc_undefined, [], fun(T) -> rpc:call(node_of(T), no_such_module, f, [1, a]) end},
     {rpc_raises, [], fun(T) -> rpc:call(node_of(T), erlang, whereis, ["no name"]) end},
     {rpc_timeout, [], fun(T) -> rpc:call(node_of(T), erlang, node, [], 5000) end},
     {rpc_cast, [], fun(T) -> {rpc:cast(node_of(T), erlang, node, []), count(list(T))} end},
     {rpc_async, [], fun(T) -> rpc:yield(rpc:async_call(node_of(T), erlang, node, [])) end},
     {rpc_multicall, [], fun(T) -> rpc:multicall([node_of(T)], erlang, node, []) end},
     {erpc_call, [], fun(T) -> erpc:call(node_of(T), erlang, node, []) end},
     {erpc_undefined, [], fun(T) -> erpc:call(node_of(T), no_such_module, f, []) end},
     {erpc_raises, [], fun(T) -> erpc:call(node_of(T), erlang, whereis, ["no name"]) end},
     {erpc_multicall, [], fun(T) -> erpc:multicall([node_of(T)], erlang, node, []) end},
     {erpc_send_request, [], fun(T) -> erpc:receive_response(erpc:send_request(node_of(T), erlang, node, [])) end},
     {erpc_cast, [], fun(T) -> {erpc:cast(node_of(T), erlang, node, []), count(list(T))} end},
     {spawn_without_the_code, [], fun(T) -> {_, M} = spawn_monitor(node_of(T), no_such_module, f, []), down(M) end},
     {spawn_link_without_the_code, [trap], fun(T) -> spawn_link(node_of(T), no_such_module, f, []), mail(1) end},
     {spawn_request_without_the_code, [],
      fun(T) -> spawn_request(node_of(T), no_such_module, f, [], [monitor]), mail(2) end}].

where_cache(T) ->
    pid_of(cache(T)).

pid_of(Server) ->
    {status, P, _, _} = sys:get_status(Server),
    P.
