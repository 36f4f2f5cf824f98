%% Operations of otp_SUITE: monitors, links, exit signals, and what travels with a process (flags, tokens, leader).
-module(otp_signals).

-export([operations/0]).

-import(otp_case, [node_of/1, cache/1, system/1, value/1, list/1, list/2, dead/1, never/1, stale/1, down/1, mail/1,
                   count/1, suspended/1, grouped/3]).

-define(D, {2023, 12, 19}).

-spec operations() -> [otp_case:operation()].
operations() ->
    monitors() ++ links() ++ exits() ++ travelling() ++ order() ++ priorities().

monitors() ->
    [{monitor_live, [], fun(T) -> P = list(T), M = monitor(process, P), exit(P, shutdown), {M, down(M)} end},
     {monitor_dead, [], fun(T) -> down(monitor(process, dead(T))) end},
     {monitor_never, [], fun(T) -> down(monitor(process, never(T))) end},
     {monitor_stale, [], fun(T) -> down(monitor(process, stale(T))) end},
     {monitor_unknown_name, [], fun(T) -> down(monitor(process, {nobody, node_of(T)})) end},
     {monitor_by_name, [own],
      fun(T) -> M = monitor(process, cache(T)), gen_server:stop(cache(T), shutdown, 5000), down(M) end},
     {monitor_by_name_and_pid, [own],
      fun(T) ->
              P = supervised(T),
              Ms = [monitor(process, cache(T)), monitor(process, P)],
              exit(P, kill),
              [down(M) || M <- Ms]
      end},
     {monitor_with_tag, [{since, 24}],
      fun(T) -> P = list(T), erlang:monitor(process, P, [{tag, {my, tag}}]), exit(P, x), mail(1) end},
     {monitor_dead_with_tag, [{since, 24}], fun(T) -> erlang:monitor(process, dead(T), [{tag, tag}]), mail(1) end},
     {monitor_twice_in_order, [],
      fun(T) -> P = list(T), Ms = [monitor(process, P) || _ <- [1, 2, 3]], exit(P, x), [down(M) || M <- Ms] end},
     {demonitor, [],
      fun(T) ->
              P = list(T),
              M = monitor(process, P),
              true = demonitor(M),
              N = monitor(process, P),
              exit(P, kill),
              down(N)
      end},
     {demonitor_flush, [], fun(T) -> M = monitor(process, dead(T)), mail(1), demonitor(M, [flush]) end},
     {demonitor_info_live, [],
      fun(T) -> M = monitor(process, list(T)), {demonitor(M, [info]), demonitor(M, [info])} end},
     {demonitor_info_after_down, [], fun(T) -> M = monitor(process, dead(T)), mail(1), demonitor(M, [info, flush]) end},
     {demonitor_then_call, [],
      fun(T) -> P = list(T), [demonitor(monitor(process, P)) || _ <- lists:seq(1, 100)], count(P) end},
     {monitors_in_thousands, [],
      fun(T) ->
              P = list(T),
              {Gone, Kept} = lists:split(1500, [monitor(process, P) || _ <- lists:seq(1, 3000)]),
              [demonitor(M) || M <- Gone],
              exit(P, boom),
              lists:usort([setelement(2, down(M), kept) || M <- Kept])
      end},
     {monitors_of_many_processes, [],
      fun(T) ->
              Ps = [list(T, N) || N <- lists:seq(1, 100)],
              Ms = [monitor(process, P) || P <- Ps],
              [exit(P, {n, N}) || {N, P} <- lists:zip(lists:seq(1, 100), Ps)],
              [element(5, down(M)) || M <- Ms]
      end},
     {watcher_dies, [],
      fun(T) ->
              P = list(T),
              {_, M} = spawn_monitor(fun() -> monitor(process, P), count(P) end),
              {down(M), count(P)}
      end},
     {probe_alive, [],
      fun(T) ->
              M = monitor(process, list(T)), receive {'DOWN', M, _, _, _} -> dead after 50 -> demonitor(M), alive end
      end},
     {probe_restarted_name, [own],
      fun(T) ->
              Old = supervised(T),
              M = monitor(process, Old),
              exit(Old, kill),
              Down = down(M),
              node_case:await(fun() -> is_integer(catch gen_server:call(cache(T), count)) end),
              New = supervised(T),
              {Down, New =:= Old, down(monitor(process, Old))}
      end},
     {local_functions_refuse_a_remote_pid, [],
      fun(T) -> P = list(T), [catch_class(F) || F <- [fun() -> is_process_alive(P) end, fun() -> process_info(P) end,
                                                      fun() -> process_flag(P, save_calls, 1) end,
                                                      fun() -> register(x, P) end]]
      end}].

catch_class(Fun) ->
    try Fun() catch Class:Reason -> {Class, Reason} end.

supervised(T) ->
    {_, Pid, _, _} = lists:keyfind('Elixir.Todo.Cache', 1, supervisor:which_children(system(T))),
    Pid.

links() ->
    [{link_then_exit_kill, [trap], fun(T) -> P = linked(T), exit(P, kill), mail(1) end},
     {link_then_exit_shutdown, [trap], fun(T) -> P = linked(T), exit(P, shutdown), mail(1) end},
     {link_then_exit_term, [trap], fun(T) -> P = linked(T), exit(P, {a, #{b => "c"}}), mail(1) end},
     {link_not_trapping, [], fun(T) -> P = linked(T), exit(P, boom), receive after 5000 -> alive end end},
     {link_not_trapping_kill, [], fun(T) -> P = linked(T), exit(P, kill), receive after 5000 -> alive end end},
     {link_not_trapping_normal, [],
      fun(T) -> P = linked(T), M = monitor(process, P), ok = gen_server:stop(P), {down(M), survived} end},
     {link_and_monitor_in_order, [trap], fun(T) -> P = linked(T), monitor(process, P), exit(P, boom), mail(2) end},
     {link_to_dead, [trap], fun(T) -> {link(dead(T)), mail(1)} end},
     {link_to_dead_not_trapping, [], fun(T) -> link(dead(T)), receive after 5000 -> alive end end},
     {link_to_never, [trap], fun(T) -> {link(never(T)), mail(1)} end},
     {link_to_stale, [trap], fun(T) -> {link(stale(T)), mail(1)} end},
     {link_twice, [trap], fun(T) -> P = linked(T), link(P), exit(P, boom), mail(1) end},
     {unlink, [trap],
      fun(T) -> P = linked(T), true = unlink(P), M = monitor(process, P), exit(P, boom), down(M) end},
     {unlink_not_linked, [trap], fun(T) -> {unlink(list(T)), unlink(dead(T)), unlink(stale(T)), count(list(T))} end},
     {unlink_then_link, [trap], fun(T) -> P = linked(T), unlink(P), link(P), count(P), exit(P, boom), mail(1) end},
     {unlink_after_the_exit, [trap],
      fun(T) -> P = linked(T), M = monitor(process, P), exit(P, boom), Down = down(M), {Down, unlink(P)} end},
     {link_and_unlink_often, [trap],
      fun(T) ->
              P = list(T),
              [begin link(P), unlink(P) end || _ <- lists:seq(1, 500)],
              Alone = count(P),
              link(P),
              exit(P, boom),
              {Alone, mail(1)}
      end},
     {link_from_many_at_once, [],
      fun(T) ->
              P = list(T),
              Clients = [spawn_monitor(fun() -> link(P), count(P),
                                       receive after 5000 -> alive end end) || _ <- lists:seq(1, 50)],
              [exit(P, at_once) || count(P) =:= 0,
                                   ok =:= node_case:await(fun() -> all_wait(Clients) end)],
              lists:usort([element(5, down(M)) || {_, M} <- Clients])
      end},
     {both_end_at_once, [],
      fun(T) ->
              P = list(T),
              {C, M} = spawn_monitor(fun() -> link(P), count(P), receive after 5000 -> alive end end),
              N = monitor(process, P),
              ok = node_case:await(fun() -> all_wait([{C, M}]) end),
              exit(C, one),
              exit(P, one),
              {element(5, down(M)), element(5, down(N))}
      end},
     {linked_client_ends_normal, [], fun(T) -> client_ends(T, normal) end},
     {linked_client_ends_shutdown, [], fun(T) -> client_ends(T, shutdown) end},
     {linked_client_ends_with_reason, [], fun(T) -> client_ends(T, {bad, "thing"}) end},
     {linked_client_killed, [], fun(T) -> client_ends(T, kill) end},
     {linked_client_of_a_trapping_process, [],
      fun(T) ->
              {_, M} = spawn_monitor(fun() -> link(supervised(T)), gen_server:call(cache(T), count), exit(crash) end),
              {down(M), is_integer(gen_server:call(cache(T), count))}
      end},
     {linked_client_of_a_supervisor, [],
      fun(T) ->
              {status, System, _, _} = sys:get_status(system(T)),
              {_, M} = spawn_monitor(fun() -> link(System), supervisor:count_children(System), exit(crash) end),
              {down(M), supervisor:count_children(System)}
      end},
     {spawn_link_chain, [],
      fun(T) ->
              P = list(T),
              {_, M} = spawn_monitor(fun() -> link(P), spawn_link(fun() -> link(P), count(P), exit(inner) end),
                                     receive after 5000 -> alive end end),
              N = monitor(process, P),
              {element(5, down(M)), down(N)}
      end}].

all_wait(Clients) ->
    lists:all(fun({C, _}) -> process_info(C, [status, current_function]) =/= undefined andalso
                                 process_info(C, message_queue_len) =:= {message_queue_len, 0} andalso
                                 process_info(C, status) =:= {status, waiting} andalso
                                 not in_call(C)
              end, Clients).

in_call(Pid) ->
    {current_stacktrace, Frames} = process_info(Pid, current_stacktrace),
    lists:any(fun({M, _, _, _}) -> M =:= gen end, Frames).

linked(T) ->
    P = list(T),
    true = link(P),
    0 = count(P),
    P.

%% What the list makes of it: how it ended, or that it did not.
client_ends(T, Reason) ->
    P = list(T),
    N = monitor(process, P),
    {C, M} = spawn_monitor(fun() ->
                                   link(P),
                                   count(P),
                                   Reason =:= kill orelse exit(Reason),
                                   receive after 5000 -> alive end
                           end),
    Reason =:= kill andalso begin ok = node_case:await(fun() -> all_wait([{C, M}]) end), exit(C, kill) end,
    {down(M), case Reason of normal -> count(P); _ -> down(N) end}.

exits() ->
    [{exit_normal_is_ignored, [], fun(T) -> {exit(list(T), normal), count(list(T))} end},
     {exit_kill, [], fun(T) -> ended(T, kill) end},
     {exit_killed, [], fun(T) -> ended(T, killed) end},
     {exit_shutdown, [], fun(T) -> ended(T, shutdown) end},
     {exit_term, [], fun(T) -> ended(T, {[1.5, -1, 1 bsl 70], <<1:1>>, "x", fun lists:sort/1, #{k => v}}) end},
     {exit_large_reason, [trap],
      fun(T) ->
              Reason = {reason, lists:seq(1, 40000), #{binary => binary:copy(<<7>>, 100000), pid => self()}},
              P = linked(T),
              M = monitor(process, P),
              exit(P, Reason),
              {'DOWN', M, process, P, InDown} = down(M),
              {'EXIT', P, InExit} = receive Exit -> Exit after 5000 -> no_exit end,
              {erlang:external_size(Reason) > 200000, InDown =:= Reason, InExit =:= Reason}
      end},
     {exit_dead, [], fun(T) -> {exit(dead(T), kill), exit(never(T), kill)} end},
     {exit_stale, [], fun(T) -> {exit(stale(T), kill), count(list(T))} end},
     {exit_suspended, [], fun(T) -> P = suspended(T), M = monitor(process, P), exit(P, x), down(M) end},
     {exit_from_the_parent_only, [],
      fun(T) ->
              [exit(supervised(T), R) || R <- [shutdown, normal, {a, b}]], is_integer(gen_server:call(cache(T), count))
      end},
     {exit_of_a_supervisor_ignored, [],
      fun(T) ->
              {status, System, _, _} = sys:get_status(system(T)),
              [exit(System, R) || R <- [shutdown, normal, {a, b}]],
              supervisor:count_children(System)
      end},
     {exit_kill_of_a_trapping_process, [own],
      fun(T) ->
              Ps = [supervised(T), list(T)],
              Ms = [monitor(process, P) || P <- Ps],
              exit(hd(Ps), kill),
              [down(M) || M <- Ms]
      end},
     {exit_message_by_hand, [],
      fun(T) ->
              P = list(T), P ! {'EXIT', self(), kill}, cache(T) ! {'EXIT', P, kill},
              {count(P), is_integer(gen_server:call(cache(T), count))}
      end},
     {messages_before_the_exit_are_handled, [],
      fun(T) ->
              P = list(T),
              [P ! {'$gen_call', {self(), N}, size} || N <- lists:seq(1, 20)],
              M = monitor(process, P),
              ok = gen_server:stop(P),
              {down(M), mail(20)}
      end}].

ended(T, Reason) ->
    P = list(T),
    M = monitor(process, P),
    {exit(P, Reason), down(M)}.

travelling() ->
    [{group_leader_set, [], fun(T) -> {group_leader(self(), list(T)), count(list(T))} end},
     {group_leader_is_theirs, [],
      fun(T) ->
              P = list(T), Old = group_leader(), group_leader(P, self()), Is = group_leader() =:= P,
              group_leader(Old, self()), {Is, count(P)}
      end},
     {flag_async_dist, [], fun(T) -> {is_tuple(catch process_flag(async_dist, true)), count(list(T))} end},
     {flag_off_heap_and_priority, [],
      fun(T) -> {process_flag(message_queue_data, off_heap), process_flag(priority, high), count(list(T))} end},
     {flag_trap_exit_between, [],
      fun(T) -> P = linked(T), process_flag(trap_exit, true), exit(P, x), mail(1), process_flag(trap_exit, false) end},
     {seq_trace_call, [], fun(T) -> P = list(T), traced(fun() -> count(P) end) end},
     {seq_trace_raw_reply, [],
      fun(T) -> P = list(T), traced(fun() -> P ! {'$gen_call', {self(), tag}, size}, receive M -> M end end) end},
     {seq_trace_cast, [],
      fun(T) -> P = list(T), {traced(fun() -> gen_server:cast(P, {add_entry, #{date => ?D}}) end), count(P)} end},
     {seq_trace_down, [],
      fun(T) -> P = list(T), traced(fun() -> M = monitor(process, P), exit(P, x), down(M) end) end},
     {seq_trace_link, [trap],
      fun(T) -> P = linked(T), traced(fun() -> exit(P, x), receive M -> M end end) end},
     {seq_trace_by_name, [], fun(T) -> traced(fun() -> gen_server:call(value(T), {new, []}) end) end}].

%% The token afterwards: what comes from a traced process carries it on.
traced(Fun) ->
    _ = seq_trace:set_token(label, {a, label}),
    Result = Fun(),
    Token = seq_trace:get_token(),
    _ = seq_trace:set_token([]),
    {Result, Token}.

order() ->
    [{order_of_many_clients, [],
      fun(T) ->
              P = list(T),
              Clients = [spawn_monitor(fun() -> load(P, C) end) || C <- lists:seq(1, 50)],
              Downs = lists:usort([element(5, down(M)) || {_, M} <- Clients]),
              Entries = gen_server:call(P, entries),
              PerClient = grouped(fun(#{client := C}) -> C end, fun(#{n := N}) -> N end, Entries),
              {Downs, length(Entries), map_size(PerClient),
               lists:all(fun(Ns) -> Ns =:= lists:seq(1, 40) end, maps:values(PerClient)),
               [Id || #{id := Id} <- Entries] =:= lists:seq(1, 2000)}
      end},
     {order_of_replies, [],
      fun(T) -> in_order(list(T), fun(N) when N rem 2 =:= 0 -> size; (N) -> {no, N} end) end},
     {order_of_durable_replies, [],
      fun(T) -> in_order(list(T), fun(_) -> {add_entry, #{date => ?D}} end) end},
     {order_of_replies_with_the_disk_between, [],
      fun(T) -> in_order(list(T), fun(N) when N rem 2 =:= 0 -> size; (_) -> {add_entry, #{date => ?D}} end) end},
     {order_of_a_reply_and_the_end, [],
      fun(T) ->
              P = list(T),
              monitor(process, P),
              P ! {'$gen_call', {self(), first}, size},
              P ! {'$gen_call', {self(), second}, {entry, 1}},
              P ! {system, {self(), third}, {terminate, bye}},
              mail(4)
      end},
     {order_across_processes, [],
      fun(T) ->
              Ps = [list(T, N) || N <- lists:seq(1, 20)],
              [P ! {'$gen_call', {self(), N}, size} || N <- lists:seq(1, 10), P <- Ps],
              mail(200),
              Answers = [receive M -> M end || _ <- lists:seq(1, 200)],
              maps:values(grouped(fun({N, _}) -> N end, fun(Answer) -> Answer end, Answers))
                  =:= [[{N, 0} || _ <- Ps] || N <- lists:seq(1, 10)]
      end}].

in_order(P, Request) ->
    [P ! {'$gen_call', {self(), N}, Request(N)} || N <- lists:seq(1, 300)],
    mail(300),
    [begin {N, _} = receive M -> M end, N end || _ <- lists:seq(1, 300)] =:= lists:seq(1, 300).

load(P, C) ->
    [case N rem 10 of
         0 -> {ok, _} = gen_server:call(P, {add_entry, #{date => ?D, client => C, n => N}}, 20000);
         _ -> gen_server:cast(P, {add_entry, #{date => ?D, client => C, n => N}})
     end || N <- lists:seq(1, 40)],
    true = is_integer(gen_server:call(P, size, 20000)),
    exit(done).

%% Signals with priority: it counts for a receiver that has asked for it, with a priority alias, and for no other.
priorities() ->
    [{priority_message, [{since, 28}],
      fun(T) ->
              P = suspended(T),
              P ! {'$gen_call', {self(), first}, size},
              erlang:send(P, {'$gen_call', {self(), second}, size}, [priority]),
              P ! {'$gen_call', {self(), third}, size},
              ok = sys:resume(P),
              mail(3)
      end},
     {priority_message_by_name, [{since, 28}],
      fun(T) -> erlang:send(value(T), {'$gen_call', {self(), tag}, {new, []}}, [priority]), mail(1) end},
     {priority_message_to_nobody, [{since, 28}],
      fun(T) ->
              {[erlang:send(To, x, [priority]) || To <- [dead(T), never(T), stale(T), {nobody, node_of(T)}]],
               count(list(T))}
      end},
     {priority_reply, [{since, 28}],
      fun(T) ->
              A = erlang:alias([priority]),
              list(T) ! {'$gen_call', {self(), [alias | A]}, size},
              mail(1),
              erlang:unalias(A)
      end},
     {priority_exit, [{since, 28}],
      fun(T) -> P = list(T), M = monitor(process, P), {erlang:exit(P, {a, "reason"}, [priority]), down(M)} end},
     {priority_exit_kill, [{since, 28}],
      fun(T) -> P = list(T), M = monitor(process, P), {erlang:exit(P, kill, [priority]), down(M)} end},
     {priority_link, [trap, {since, 28}],
      fun(T) -> P = list(T), erlang:link(P, [priority]), exit(P, boom), mail(1) end},
     {priority_monitor, [{since, 28}],
      fun(T) -> P = list(T), M = erlang:monitor(process, P, [priority]), exit(P, boom), down(M) end},
     {priority_and_token, [{since, 28}],
      fun(T) ->
              P = list(T),
              traced(fun() ->
                             erlang:send(P, {'$gen_call', {self(), tag}, size}, [priority]),
                             receive M -> M end
                     end)
      end}].
