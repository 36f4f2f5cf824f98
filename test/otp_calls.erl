%% Operations of otp_SUITE: calls, casts, messages, requests, aliases, stops, names in global.
-module(otp_calls).

-export([operations/0]).

-import(otp_case, [node_of/1, cache/1, value/1, list/1, list/2, dead/1, never/1, stale/1, down/1, mail/1, count/1,
                   suspended/1, later/1]).

-define(D, {2023, 12, 19}).

-spec operations() -> [otp_case:operation()].
operations() ->
    calls() ++ raw_calls() ++ late() ++ casts() ++ requests() ++ multi_calls() ++ stops() ++ global_names().

calls() ->
    [{call_live, [], fun(T) -> count(list(T)) end},
     {call_add_and_read, [],
      fun(T) ->
              P = list(T),
              [gen_server:call(P, R) || R <- [{add_entry, #{date => ?D, title => a}}, entries, {entries, ?D},
                                              {entries, other}, {entry, 1}, {entry, 2}, size, {delete_entry, 1}, size]]
      end},
     {call_terms_of_every_kind, [],
      fun(T) ->
              Terms = [1 bsl 200, -1.5, 'a b', <<5:3>>, fun lists:sort/1, self(), make_ref(), [a | b], #{#{} => {}},
                       "x"],
              {ok, 1} = gen_server:call(list(T), {add_entry, #{date => ?D, terms => Terms}}),
              #{terms := Back} = gen_server:call(list(T), {entry, 1}),
              {Back =:= Terms, Back}
      end},
     {call_by_name, [], fun(T) -> gen_server:call(value(T), {new, []}) end},
     {call_infinity, [], fun(T) -> gen_server:call(list(T), size, infinity) end},
     {call_unknown_request, [], fun(T) -> gen_server:call(list(T), {no, such, "request"}) end},
     {call_dead, [], fun(T) -> gen_server:call(dead(T), size) end},
     {call_dead_infinity, [], fun(T) -> gen_server:call(dead(T), size, infinity) end},
     {call_never_existing, [], fun(T) -> gen_server:call(never(T), size) end},
     {call_stale, [], fun(T) -> gen_server:call(stale(T), size) end},
     {call_unknown_name, [], fun(T) -> gen_server:call({nobody, node_of(T)}, size) end},
     {call_timeout_zero, [], fun(T) -> gen_server:call(list(T), size, 0) end},
     {call_large, [],
      fun(T) ->
              Big = binary:copy(<<"0123456789">>, 100000),
              {ok, 1} = gen_server:call(list(T), {add_entry, #{date => ?D, big => Big}}),
              [#{big := Back}] = gen_server:call(list(T), entries),
              Back =:= Big
      end},
     {call_dies_meanwhile_killed, [],
      fun(T) -> P = suspended(T), later(fun() -> exit(P, kill) end), gen_server:call(P, size) end},
     {call_dies_meanwhile_reason, [],
      fun(T) -> P = suspended(T), later(fun() -> exit(P, {a, "reason"}) end), gen_server:call(P, size) end},
     {call_stops_meanwhile_normal, [],
      fun(T) -> P = suspended(T), later(fun() -> gen_server:stop(P) end), gen_server:call(P, size) end},
     {call_stops_meanwhile_shutdown, [],
      fun(T) ->
              P = suspended(T),
              later(fun() -> gen_server:stop(P, {shutdown, x}, infinity) end),
              gen_server:call(P, size, infinity)
      end},
     {call_by_name_dies_meanwhile, [own],
      fun(T) ->
              ok = sys:suspend(cache(T)), later(fun() -> exit(system_child(T), kill) end),
              gen_server:call(cache(T), count)
      end},
     {many_owed_then_killed, [],
      fun(T) ->
              P = suspended(T),
              Callers = [spawn_monitor(fun() -> gen_server:call(P, {size, N}) end) || N <- lists:seq(1, 20)],
              node_case:await(fun() -> lists:all(fun({C, _}) -> process_info(C, status) =:= {status, waiting} end,
                                                 Callers) end),
              exit(P, boom),
              [element(5, down(M)) || {_, M} <- Callers]
      end}].

system_child(T) ->
    {_, Pid, _, _} = lists:keyfind('Elixir.Todo.Cache', 1, supervisor:which_children(otp_case:system(T))),
    Pid.

%% What gen:call sends, by hand.
raw_calls() ->
    [{raw_call_reference_tag, [], fun(T) -> list(T) ! {'$gen_call', {self(), make_ref()}, size}, mail(1) end},
     {raw_call_any_tag, [], fun(T) -> list(T) ! {'$gen_call', {self(), {a, "b", 1.5, [x | y]}}, size}, mail(1) end},
     {raw_call_alias_tag, [{since, 24}],
      fun(T) ->
              A = erlang:alias(), list(T) ! {'$gen_call', {self(), [alias | A]}, size}, mail(1), erlang:unalias(A)
      end},
     {raw_call_alias_deeper_in_the_tag, [{since, 24}],
      fun(T) ->
              A = erlang:alias(),
              list(T) ! {'$gen_call', {self(), [[alias | A] | tag]}, size},
              mail(1),
              erlang:unalias(A)
      end},
     {raw_call_alias_given_back, [{since, 24}],
      fun(T) ->
              P = suspended(T),
              A = erlang:alias(),
              P ! {'$gen_call', {self(), [alias | A]}, size},
              Was = erlang:unalias(A),
              ok = sys:resume(P),
              {Was, count(P)}
      end},
     {raw_call_reply_alias, [{since, 24}],
      fun(T) ->
              P = list(T),
              A = erlang:alias([reply]),
              [P ! {'$gen_call', {self(), [alias | A]}, size} || _ <- [1, 2, 3]],
              {count(P), erlang:unalias(A)}
      end},
     {raw_call_reply_demonitor, [{since, 24}],
      fun(T) ->
              P = list(T),
              M = erlang:monitor(process, P, [{alias, reply_demonitor}]),
              P ! {'$gen_call', {self(), [alias | M]}, size},
              mail(1),
              N = monitor(process, P),
              exit(P, kill),
              {down(N), demonitor(M, [info])}
      end},
     {raw_call_explicit_unalias, [{since, 24}],
      fun(T) ->
              P = list(T),
              M = erlang:monitor(process, P, [{alias, explicit_unalias}, {tag, 'MY_DOWN'}]),
              [P ! {'$gen_call', {self(), [alias | M]}, size} || _ <- [1, 2]],
              mail(2),
              exit(P, over),
              mail(3),
              erlang:unalias(M)
      end},
     {raw_call_for_another, [],
      fun(T) ->
              Self = self(),
              Other = spawn(fun() -> receive M -> Self ! {other_got, M} end end),
              list(T) ! {'$gen_call', {Other, tag}, size},
              mail(1)
      end},
     {raw_call_for_a_dead_process, [],
      fun(T) ->
              {Other, M} = spawn_monitor(fun() -> ok end),
              normal = element(5, down(M)),
              list(T) ! {'$gen_call', {Other, tag}, size},
              count(list(T))
      end},
     {raw_call_for_a_name, [],
      fun(T) ->
              Name = binary_to_atom(maps:get(key, T)),
              register_free(Name),
              list(T) ! {'$gen_call', {{Name, node()}, tag}, size},
              count(list(T)),
              unregister(Name),
              ok
      end},
     {raw_call_for_an_alias, [{since, 24}],
      fun(T) -> A = erlang:alias(), list(T) ! {'$gen_call', {A, tag}, size}, count(list(T)), erlang:unalias(A) end},
     {raw_call_from_is_no_from, [],
      fun(T) ->
              P = list(T), M = monitor(process, P), P ! {'$gen_call', nobody, size}, catch count(P),
              demonitor(M, [flush, info])
      end},
     {raw_call_short, [], fun(T) -> list(T) ! {'$gen_call', {self(), tag}}, count(list(T)) end},
     {raw_call_by_name, [], fun(T) -> value(T) ! {'$gen_call', {self(), tag}, {new, []}}, mail(1) end}].

%% Both sides run at once in this BEAM, and use the same name.
register_free(Name) ->
    node_case:await(fun() -> catch register(Name, self()) =:= true end).

late() ->
    [{late_reply, [],
      fun(T) ->
              P = suspended(T),
              Timeouts = [catch gen_server:call(P, size, 20) || _ <- [1, 2, 3]],
              ok = sys:resume(P),
              {Timeouts, count(P)}
      end},
     {late_reply_default_timeout, [], fun(T) -> gen_server:call(suspended(T), size) end},
     {late_call_is_executed, [],
      fun(T) ->
              P = suspended(T),
              {'EXIT', _} = (catch gen_server:call(P, {add_entry, #{date => ?D}}, 20)),
              ok = sys:resume(P),
              count(P)
      end},
     {late_caller_is_dead, [],
      fun(T) ->
              P = suspended(T),
              {C, M} = spawn_monitor(fun() -> gen_server:call(P, {add_entry, #{date => ?D}}) end),
              node_case:await(fun() -> process_info(C, status) =:= {status, waiting} end),
              exit(C, kill),
              Down = down(M),
              ok = sys:resume(P),
              {Down, count(P)}
      end},
     {late_node_stands_still, [own, {since, 24}],
      fun(T) ->
              P = list(T),
              otp_case:freeze(T),
              Timeout = (catch gen_server:call(P, size, 100)),
              gen_server:cast(P, {add_entry, #{date => ?D}}),
              Request = gen_server:send_request(P, entries),
              otp_case:thaw(T),
              {Timeout, gen_server:receive_response(Request, 5000), count(P)}
      end}].

casts() ->
    [{cast_live, [], fun(T) -> {gen_server:cast(list(T), {add_entry, #{date => ?D}}), count(list(T))} end},
     {cast_dead, [], fun(T) -> gen_server:cast(dead(T), {add_entry, #{date => ?D}}) end},
     {cast_stale, [], fun(T) -> {gen_server:cast(stale(T), {add_entry, #{date => ?D}}), count(list(T))} end},
     {cast_unknown_name, [], fun(T) -> gen_server:cast({nobody, node_of(T)}, x) end},
     {cast_unknown, [], fun(T) -> {gen_server:cast(list(T), {no, such}), count(list(T))} end},
     {abcast, [],
      fun(T) -> {gen_server:abcast([node_of(T)], 'Elixir.Todo.List', x), gen_server:call(value(T), {new, []})} end},
     {send_unknown, [],
      fun(T) ->
              P = list(T), {[P ! M || M <- [hello, {'EXIT', self(), x}, {'DOWN', 1, 2, 3, 4}, [], <<>>]], count(P)}
      end},
     {send_dead, [], fun(T) -> dead(T) ! hello end},
     {send_never, [], fun(T) -> never(T) ! hello end},
     {send_stale, [], fun(T) -> {stale(T) ! {'$gen_call', {self(), tag}, size}, count(list(T))} end},
     {send_unknown_name, [], fun(T) -> {nobody, node_of(T)} ! hello end},
     {send_options, [],
      fun(T) ->
              {[erlang:send(list(T), x, O) || O <- [[noconnect], [nosuspend], [noconnect, nosuspend]]],
               erlang:send_nosuspend(list(T), x)}
      end},
     {send_casts_in_order, [],
      fun(T) ->
              P = list(T),
              [gen_server:cast(P, {add_entry, #{date => ?D, n => N}}) || N <- lists:seq(1, 500)],
              [N || #{n := N} <- gen_server:call(P, entries)] =:= lists:seq(1, 500)
      end},
     {send_by_name_and_pid_in_order, [],
      fun(T) ->
              {Name, Node} = value(T),
              [{Name, Node} ! {'$gen_call', {self(), N}, {no, N}} || N <- lists:seq(1, 50)],
              mail(50)
      end},
     {send_after_takes_no_remote_pid, [], fun(T) -> erlang:send_after(10, list(T), x) end}].

requests() ->
    [{request_and_response, [{since, 24}],
      fun(T) -> gen_server:receive_response(gen_server:send_request(list(T), size), 5000) end},
     {request_to_dead, [{since, 24}],
      fun(T) -> gen_server:receive_response(gen_server:send_request(dead(T), size), 5000) end},
     {request_to_unknown_name, [{since, 24}],
      fun(T) -> gen_server:receive_response(gen_server:send_request({nobody, node_of(T)}, size), 5000) end},
     {request_abandoned, [{since, 24}],
      fun(T) ->
              P = suspended(T),
              timeout = gen_server:receive_response(gen_server:send_request(P, size), 20),
              ok = sys:resume(P),
              count(P)
      end},
     {request_waited_for_twice, [],
      fun(T) ->
              P = suspended(T),
              R = gen_server:send_request(P, size),
              First = gen_server:wait_response(R, 20),
              ok = sys:resume(P),
              {First, gen_server:wait_response(R, 5000)}
      end},
     {request_checked, [],
      fun(T) ->
              P = list(T),
              R = gen_server:send_request(P, size),
              receive M -> {gen_server:check_response(other, R), gen_server:check_response(M, R)} end
      end},
     {request_dies_meanwhile, [],
      fun(T) ->
              P = suspended(T),
              R = gen_server:send_request(P, size),
              exit(P, {very, <<"bad">>}),
              gen_server:wait_response(R, 5000)
      end},
     {request_collection, [{since, 25}],
      fun(T) ->
              Targets = [list(T), dead(T), value(T), {nobody, node_of(T)}, never(T)],
              Ids = lists:foldl(fun({P, N}, C) -> gen_server:send_request(P, size, N, C) end, gen_server:reqids_new(),
                                lists:zip(Targets, [live, dead, value, nobody, never])),
              lists:sort(responses(Ids))
      end},
     {request_thousand, [{since, 24}],
      fun(T) ->
              P = list(T),
              Rs = [gen_server:send_request(P, {add_entry, #{date => ?D}}) || _ <- lists:seq(1, 1000)],
              [gen_server:receive_response(R, 20000) || R <- Rs] =:= [{reply, {ok, N}} || N <- lists:seq(1, 1000)]
      end}].

responses(Ids) ->
    case gen_server:receive_response(Ids, 5000, true) of
        no_request -> [];
        {Response, Label, Rest} -> [{Label, Response} | responses(Rest)]
    end.

multi_calls() ->
    [{multi_call_infinity, [], fun(T) -> gen_server:multi_call([node_of(T)], 'Elixir.Todo.List', {new, []}) end},
     {multi_call_timeout, [], fun(T) -> gen_server:multi_call([node_of(T)], 'Elixir.Todo.List', {new, []}, 5000) end},
     {multi_call_unknown_name, [], fun(T) -> gen_server:multi_call([node_of(T)], nobody, size, 5000) end},
     {multi_call_with_a_node_that_is_not, [],
      fun(T) -> gen_server:multi_call([node_of(T), 'nowhere@localhost'], 'Elixir.Todo.List', {new, []}, 5000) end},
     {multi_call_timed_out, [],
      fun(T) ->
              ok = sys:suspend(value(T)),
              Answer = gen_server:multi_call([node_of(T)], 'Elixir.Todo.List', {new, []}, 50),
              ok = sys:resume(value(T)),
              Answer
      end}].

stops() ->
    [{stop_normal, [], fun(T) -> watched(T, fun(P) -> gen_server:stop(P) end) end},
     {stop_shutdown, [], fun(T) -> watched(T, fun(P) -> gen_server:stop(P, shutdown, 5000) end) end},
     {stop_shutdown_term, [], fun(T) -> watched(T, fun(P) -> gen_server:stop(P, {shutdown, [1]}, infinity) end) end},
     {stop_reason, [], fun(T) -> watched(T, fun(P) -> gen_server:stop(P, {my, "reason"}, 5000) end) end},
     {stop_kill_is_a_reason, [], fun(T) -> watched(T, fun(P) -> gen_server:stop(P, kill, 5000) end) end},
     {stop_suspended, [], fun(T) -> watched(T, fun(P) -> ok = sys:suspend(P), gen_server:stop(P, r, 5000) end) end},
     {stop_linked, [trap], fun(T) -> P = list(T), link(P), {gen_server:stop(P), mail(1)} end},
     {stop_linked_not_trapping, [], fun(T) -> P = list(T), link(P), ok = gen_server:stop(P, r, 5000), mail(1) end},
     {stop_dead, [], fun(T) -> gen_server:stop(dead(T)) end},
     {stop_never, [], fun(T) -> gen_server:stop(never(T), normal, 5000) end},
     {stop_unknown_name, [], fun(T) -> gen_server:stop({nobody, node_of(T)}) end},
     {stop_timeout, [own],
      fun(T) ->
              P = list(T),
              M = monitor(process, P),
              otp_case:freeze(T),
              Answer = (catch gen_server:stop(P, normal, 100)),
              otp_case:thaw(T),
              {Answer, down(M)}
      end},
     {stop_twice_at_once, [],
      fun(T) ->
              P = suspended(T),
              Stops = [spawn_monitor(fun() -> exit({stopped, catch gen_server:stop(P, same, 5000)}) end) || _ <- [1,
                                                                                                                  2,
                                                                                                                  3]],
              lists:usort([case element(5, down(M)) of
                               {stopped, {'EXIT', R}} when R =:= noproc; R =:= same -> gone;
                               {stopped, {'EXIT', {same, _}}} -> gone;
                               {stopped, ok} -> ok
                           end || {_, M} <- Stops] ++ [gone])
      end},
     {stop_by_name, [own],
      fun(T) ->
              M = monitor(process, cache(T)),
              {gen_server:stop(cache(T), shutdown, 5000), down(M), is_integer(again(T))}
      end}].

%% Its supervisor starts it again.
again(T) ->
    node_case:await(fun() -> is_integer(catch gen_server:call(cache(T), count)) end),
    gen_server:call(cache(T), count).

watched(T, Fun) ->
    P = list(T),
    M = monitor(process, P),
    {Fun(P), down(M), catch gen_server:call(P, size)}.

global_names() ->
    [{global_call, [], fun(T) -> with_global(T, fun(_, Name) -> gen_server:call({global, Name}, size) end) end},
     {global_cast_and_send, [],
      fun(T) ->
              with_global(T, fun(P, Name) ->
                                     {gen_server:cast({global, Name}, {add_entry, #{date => ?D}}),
                                      global:send(Name, garbage), count(P), global:whereis_name(Name) =:= P}
                             end)
      end},
     {global_via, [], fun(T) -> with_global(T, fun(_, Name) -> gen_server:call({via, global, Name}, size) end) end},
     {global_stop, [],
      fun(T) ->
              with_global(T, fun(P, Name) -> M = monitor(process, P), {gen_server:stop({global, Name}), down(M)} end)
      end},
     {global_forgets_the_dead, [],
      fun(T) ->
              with_global(T, fun(P, Name) ->
                                     exit(P, kill),
                                     node_case:await(fun() -> global:whereis_name(Name) =:= undefined end),
                                     {{'EXIT', {Reason, _}}, Cast} = {catch gen_server:call({global, Name}, size),
                                                                      gen_server:cast({global, Name}, x)},
                                     {Reason, Cast}
                             end)
      end},
     {global_name_taken, [],
      fun(T) -> with_global(T, fun(_, Name) -> global:register_name(Name, list(T, other)) end) end}].

%% The sides run at the same time: the name is the side's own, and not shown.
with_global(#{side := Side, key := Key} = T, Fun) ->
    Name = {Side, Key},
    P = list(T),
    yes = global:register_name(Name, P),
    try Fun(P, Name)
    catch exit:{Reason, _} -> {exit, Reason}
    after global:unregister_name(Name)
    end.
