%% Operations of otp_SUITE: nodes that come, go and come back, on both ends of the connection.
-module(otp_nodes).

-export([operations/0]).

-import(otp_case, [node_of/1, cache/1, value/1, list/1, down/1, mail/1, count/1, suspended/1, later/1]).

-define(D, {2023, 12, 19}).

-spec operations() -> [otp_case:operation()].
operations() ->
    connections() ++ ends() ++ clients().

connections() ->
    [{ping, [], fun(T) -> net_adm:ping(node_of(T)) end},
     {connect, [],
      fun(T) ->
              {net_kernel:connect_node(node_of(T)), lists:member(node_of(T), nodes()),
               lists:member(node_of(T), nodes(hidden))}
      end},
     {is_auth, [], fun(T) -> gen_server:call({net_kernel, node_of(T)}, {is_auth, node()}) end},
     {node_info, [],
      fun(T) -> {ok, Info} = net_kernel:node_info(node_of(T)), [lists:keyfind(K, 1, Info) || K <- [type, state]] end},
     {disconnect, [trap],
      fun(T) ->
              P = list(T),
              link(P),
              monitor(process, P),
              monitor(process, value(T)),
              monitor_node(node_of(T), true),
              {count(P), erlang:disconnect_node(node_of(T)), mail(4)}
      end},
     {disconnect_and_connect_again, [],
      fun(T) ->
              P = list(T),
              {ok, 1} = gen_server:call(P, {add_entry, #{date => ?D}}),
              true = erlang:disconnect_node(node_of(T)),
              {count(P), gen_server:call(P, {entry, 1})}
      end},
     {disconnect_ends_what_was_linked, [],
      fun(T) ->
              P = list(T),
              {C, M} = spawn_monitor(fun() -> link(P), count(P), receive after 5000 -> alive end end),
              node_case:await(fun() -> process_info(C, status) =:= {status, waiting} end),
              count(P),
              true = erlang:disconnect_node(node_of(T)),
              {down(M), catch count(P)}
      end},
     {disconnect_while_called, [],
      fun(T) ->
              P = suspended(T),
              later(fun() -> erlang:disconnect_node(node_of(T)) end),
              Answer = (catch gen_server:call(P, size)),
              ok = sys:resume(P),
              {Answer, count(P)}
      end},
     {simultaneous_connects, [],
      fun(T) ->
              P = list(T),
              true = erlang:disconnect_node(node_of(T)),
              Clients = [spawn_monitor(fun() -> exit({size, count(P)}) end) || _ <- lists:seq(1, 50)],
              lists:usort([element(5, down(M)) || {_, M} <- Clients])
      end},
     {monitor_nodes, [],
      fun(T) ->
              #{node := Node} = T,
              true = net_kernel:connect_node(Node),
              ok = net_kernel:monitor_nodes(true, [{node_type, all}, nodedown_reason]),
              true = erlang:disconnect_node(Node),
              Down = receive {nodedown, Node, D} -> D after 5000 -> none end,
              pong = net_adm:ping(Node),
              Up = receive {nodeup, Node, U} -> U after 5000 -> none end,
              ok = net_kernel:monitor_nodes(false, [{node_type, all}, nodedown_reason]),
              drop_others(),
              {Down, Up}
      end}].

%% The other side's node comes and goes meanwhile.
drop_others() ->
    receive {Word, _, _} when Word =:= nodeup; Word =:= nodedown -> drop_others() after 0 -> ok end.

ends() ->
    [{node_killed, [own, trap],
      fun(T) ->
              P = list(T),
              link(P),
              monitor(process, P),
              monitor(process, cache(T)),
              count(P),
              otp_case:kill(T),
              {mail(3), catch count(P), catch gen_server:call(cache(T), count), down(monitor(process, P)),
               net_adm:ping(node_of(T))}
      end},
     {node_killed_link_afterwards, [own, trap],
      fun(T) -> P = list(T), otp_case:kill(T), {link(P), mail(1), P ! x, exit(P, kill), unlink(P)} end},
     {node_killed_while_called, [own],
      fun(T) -> P = suspended(T), later(fun() -> otp_case:kill(T) end), gen_server:call(P, size) end},
     {node_killed_while_called_by_name, [own],
      fun(T) ->
              ok = sys:suspend(value(T)), later(fun() -> otp_case:kill(T) end), gen_server:call(value(T), x, infinity)
      end},
     {node_killed_while_stopped, [own],
      fun(T) ->
              P = list(T),
              otp_case:freeze(T),
              later(fun() -> otp_case:kill(T) end),
              gen_server:stop(P)
      end},
     {node_killed_requests, [own, {since, 24}],
      fun(T) ->
              P = suspended(T),
              R = gen_server:send_request(P, size),
              otp_case:kill(T),
              {gen_server:receive_response(R, 5000),
               gen_server:receive_response(gen_server:send_request(P, size), 5000),
               gen_server:multi_call([node_of(T)], 'Elixir.Todo.List', x, 1000), gen_server:cast(P, x)}
      end},
     {node_restarted, [own, trap, {since, 24}],
      fun(T) ->
              Old = list(T),
              New = otp_case:restart(T),
              P = otp_case:list(New, new),
              M = monitor(process, Old),
              true = link(Old),
              exit(Old, kill),
              Old ! {'$gen_call', {self(), tag}, size},
              {Old =:= P, catch count(Old), catch sys:get_state(Old), down(M), mail(1), gen_server:cast(Old, x),
               unlink(Old), count(P),
               catch gen_server:stop(Old), gen_server:receive_response(gen_server:send_request(Old, size), 5000)}
      end},
     {node_restarted_by_name, [own],
      fun(T) ->
              M = monitor(process, cache(T)),
              New = otp_case:restart(T),
              {down(M), gen_server:call(cache(New), count), gen_server:call(value(T), {new, []})}
      end},
     {node_never_there, [],
      fun(T) ->
              #{side := Side} = T,
              Nowhere = node_case:node_name("nowhere_" ++ atom_to_list(Side)),
              {'EXIT', {Reason, _}} = (catch gen_server:call({x, Nowhere}, size)),
              {_, _, _, _, Why} = down(monitor(process, {x, Nowhere})),
              {element(1, Reason), Why, net_adm:ping(Nowhere)}
      end}].

clients() ->
    [{two_clients, [],
      fun(T) ->
              P = list(T),
              with_client(fun(Client) ->
                                     [erpc:call(Client, gen_server, call,
                                                [P, {add_entry, #{date => ?D, title => other}}]),
                                      gen_server:call(P, {add_entry, #{date => ?D, title => this}}),
                                      erpc:call(Client, gen_server, call, [P, entries]) =:= gen_server:call(P, entries),
                                      erpc:call(Client, supervisor, count_children, [otp_case:system(T)])]
                             end)
      end},
     {client_node_killed, [],
      fun(T) ->
              P = list(T),
              Linked = otp_case:list(T, linked),
              M = monitor(process, Linked),
              N = monitor(process, P),
              with_client(fun(Client) ->
                                     OsPid = erpc:call(Client, os, getpid, []),
                                     hold(Client, "link(P), 0 = gen_server:call(P, size)", Linked),
                                     hold(Client, "monitor(process, P), 0 = gen_server:call(P, size)", P),
                                     _ = os:cmd("kill -KILL " ++ OsPid),
                                     {down(M), count(P), demonitor(N, [info])}
                             end)
      end},
     {client_back_under_its_name, [],
      fun(T) ->
              P = list(T),
              Name = node_case:unique("client"),
              {ok, _, Node} = otp_case:client(Name),
              One = erpc:call(Node, gen_server, call, [P, {add_entry, #{date => ?D}}]),
              hold(Node, "monitor(process, P), 1 = gen_server:call(P, size)", P),
              OsPid = erpc:call(Node, os, getpid, []),
              _ = os:cmd("kill -KILL " ++ OsPid),
              {ok, Second, Node} = otp_case:client(Name),
              Two = erpc:call(Node, gen_server, call, [P, {add_entry, #{date => ?D}}]),
              hold(Node, "link(P), 2 = gen_server:call(P, size)", P),
              Answer = {One, Two, erpc:call(Node, gen_server, call, [P, size]), count(P)},
              M = monitor(process, P),
              2 = count(P),
              ok = otp_case:stop_client(Second),
              {Answer, down(M)}
      end}].

with_client(Fun) ->
    {ok, Holder, Client} = otp_case:client(node_case:unique("client")),
    try Fun(Client) after otp_case:stop_client(Holder) end.

%% A process of the client that does this with the pid and stays.
hold(Client, Text, Pid) ->
    {ok, Tokens, _} = erl_scan:string("begin " ++ Text ++ " end, S ! holds, receive after infinity -> ok end."),
    {ok, Expressions} = erl_parse:parse_exprs(Tokens),
    erpc:call(Client, erlang, spawn, [erl_eval, exprs, [Expressions, [{'P', Pid}, {'S', self()}]]]),
    receive holds -> ok after 5000 -> error(holds_not) end.
