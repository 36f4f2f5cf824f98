%% A client of storm_SUITE: does one random thing after the other to a node and to whoever else is there. What becomes
%% of each does not matter here.
-module(storm_client).

-export([start/3]).

-define(CLIENTS, 6).
-define(LISTS, 12).
-define(CACHE, 'Elixir.Todo.Cache').

%% Clients on this BEAM, as long as it lives. Nodes: names of all BEAMs of the storm, those that are down too.
-spec start(node(), [node()], non_neg_integer()) -> ok.
start(Node, Nodes, Seed) ->
    _ = [spawn(fun() -> again(Node, Nodes, Seed + I) end) || I <- lists:seq(1, ?CLIENTS)],
    ok.

%% One after the other: a client may kill itself.
again(Node, Nodes, Seed) ->
    {_, Monitor} = spawn_monitor(fun() -> client(Node, Nodes, Seed) end),
    receive {'DOWN', Monitor, process, _, _} -> ok end,
    again(Node, Nodes, Seed + 1000).

client(Node, Nodes, Seed) ->
    _ = rand:seed(exsss, Seed),
    process_flag(trap_exit, rand:uniform(2) =:= 1),
    loop(Node, Nodes, list_to_tuple(lists:append([lists(), servers(), messages(), functions(), ends()]))).

loop(Node, Nodes, Operations) ->
    ok = drain(rand:uniform(3) - 1),
    Operation = element(rand:uniform(tuple_size(Operations)), Operations),
    _ = (catch Operation(#{node => Node, nodes => Nodes})),
    loop(Node, Nodes, Operations).

%% Three of four events that are calls are answered.
drain(Milliseconds) ->
    receive
        {'$gen_call', From, _} ->
            _ = rand:uniform(4) > 1 andalso (catch gen_server:reply(From, ok)),
            drain(0);
        _ ->
            drain(0)
    after Milliseconds -> ok
    end.

%% ---- what is done ----

lists() ->
    [fun(S) -> call(list(S), {subscribe, anybody(S)}) end,
     fun(S) -> call(list(S), {subscribe, anybody(S), [{ack, one_of([1, 5, 50, 1000, 100000])}]}) end,
     fun(S) -> call(list(S), {subscribe, self(), [{ack, one_of([1, 5, 50, 1000, 100000])}]}) end,
     fun(S) -> call(list(S), {subscribe, junk(), junk()}) end,
     fun(S) -> call(list(S), {unsubscribe, anybody(S)}) end,
     fun(S) -> call(list(S), {add_entry, entry()}) end,
     fun(S) -> call(list(S), {add_entries, [entry() || _ <- lists:seq(1, rand:uniform(20))]}) end,
     fun(S) -> List = list(S), [gen_server:cast(List, {add_entry, entry()}) || _ <- lists:seq(1, 50)] end,
     fun(S) -> List = list(S), [gen_server:cast(List, {delete_entry, Id}) || Id <- lists:seq(1, 400)] end,
     fun(S) -> gen_server:cast(list(S), {update_entry, rand:uniform(20), entry()}) end,
     fun(S) -> [gen_server:send_request(list(S), one_of([size, entries, sync])) || _ <- lists:seq(1, 30)] end].

servers() ->
    [fun(S) -> sys:suspend(server(S), milliseconds()) end,
     fun(S) -> sys:resume(server(S), milliseconds()) end,
     fun(#{node := Node}) -> {one_of(names()), Node} ! {system, {self(), make_ref()}, resume} end,
     fun(S) -> sys:log(server(S), one_of([true, false, get, {true, 3}, {true, 100}]), milliseconds()) end,
     fun(S) -> sys:statistics(server(S), one_of([true, false, get]), milliseconds()) end,
     fun(S) -> sys:get_state(server(S), milliseconds()) end,
     fun(S) -> sys:get_status(server(S), milliseconds()) end,
     fun(S) -> replace(list(S), fun(State) -> State end) end,
     fun(S) -> Entry = entry(), replace(list(S), fun(State) -> with(Entry, State) end) end,
     fun(S) -> replace(server(S), fun(_) -> exit(over) end) end,
     fun(S) -> replace(server(S), fun(State) -> receive after rand:uniform(100) -> State end end) end,
     fun(S) -> replace(server(S), one_of([x, fun erlang:node/0, fun(_) -> exit(self(), kill) end])) end,
     fun(S) -> sys:terminate(list(S), one_of([normal, shutdown, over]), milliseconds()) end].

messages() ->
    [fun(S) -> list(S) ! junk() end,
     fun(S) -> list(S) ! {'$gen_call', {one_of([anybody(S), junk()]), tag()}, one_of([size, entries, junk()])} end,
     fun(S) -> server(S) ! {system, {one_of([anybody(S), junk()]), one_of([make_ref(), junk()])}, command()} end,
     fun(S) -> list(S) ! {'$todo_call', {one_of([anybody(S), junk()]), tag()}, one_of([size, entries, junk()])} end,
     fun(S) -> anybody(S) ! {'$todo_cancel', tag()} end,
     fun(S) -> anybody(S) ! {one_of(['$gen_call', '$todo_call']), {self(), make_ref()}, size} end,
     fun(#{node := Node} = S) -> {rex, Node} ! {one_of([self(), anybody(S)]), to_rex()} end,
     fun(S) ->
             Ref = monitor(process, list(S), [{alias, reply_demonitor}]),
             list(S) ! {'$gen_call', {self(), [alias | Ref]}, size}
     end,
     fun(S) ->
             seq_trace:set_token(label, junk()),
             call(list(S), {add_entry, entry()}),
             seq_trace:set_token([])
     end].

functions() ->
    [fun(S) -> run(S, observer_backend, procs_info, [anybody(S)]) end,
     fun(S) -> run(S, observer_backend, etop_collect, [one_of([self(), short_lived(), junk()])]) end,
     fun(S) -> run(S, observer_backend, sys_info, []) end,
     fun(#{node := Node}) -> erpc:cast(Node, observer_backend, fetch_stats, [short_lived(), rand:uniform(50)]) end,
     fun(#{node := Node}) -> erpc:cast(Node, observer_backend, fetch_stats, [junk(), rand:uniform(50)]) end,
     fun(S) ->
             {ok, Appmon} = run(S, appmon_info, start_link2, [self(), client_pid(S), []]),
             Task = {client_pid(S), one_of([app, app_ctrl, load]), one_of([todo, junk()]), true, [{timeout, 100}]},
             gen_server:cast(Appmon, Task)
     end,
     fun(S) -> exit(run(S, erlang, whereis, [appmon_info]), one_of([kill, shutdown])) end,
     fun(S) -> run(S, erlang, process_info, [anybody(S), [messages, links, monitors, monitored_by, memory]]) end,
     fun(S) -> run(S, erlang, apply, [erlang, apply, [erlang, node, []]]) end,
     fun(S) -> run(S, erlang, junk(), []) end,
     fun(S) -> run(S, sys, one_of([get_state, get_status, suspend]), [one_of([list(S), anybody(S)]), 500]) end,
     fun(#{node := Node}) -> rpc:call(Node, erlang, node, [], milliseconds()) end,
     fun(#{node := Node} = S) -> spawn_monitor(Node, sys, get_state, [list(S), infinity]) end,
     fun(#{node := Node}) -> spawn_link(Node, erlang, one_of([node, exit, self]), []) end,
     fun(#{node := Node}) -> [erpc:send_request(Node, erlang, memory, []) || _ <- lists:seq(1, 200)] end].

ends() ->
    [fun(S) -> exit(list(S), one_of([normal, shutdown, kill, junk()])) end,
     fun(S) -> link(list(S)) end,
     fun(S) -> unlink(list(S)) end,
     fun(S) -> monitor(process, list(S)) end,
     fun(S) -> demonitor(monitor(process, list(S))) end,
     fun(#{node := Node}) -> monitor(process, {one_of(names()), Node}) end,
     fun(S) -> exit(one_of(spawned(S)), one_of([kill, normal, shutdown, over])) end,
     fun(_) -> exit(one_of([normal, over, kill])) end,
     fun(#{node := Node}) -> rand:uniform(20) =:= 1 andalso erlang:disconnect_node(Node) end].

%% ---- to whom ----

list(#{node := Node}) ->
    gen_server:call({?CACHE, Node}, {server_process, rand:uniform(?LISTS)}, milliseconds()).

names() ->
    [?CACHE, 'Elixir.Todo.Database', rex, appmon_info].

server(#{node := Node} = S) ->
    case rand:uniform(15) of
        1 -> {one_of(names()), Node};
        _ -> list(S)
    end.

anybody(S) ->
    case rand:uniform(3) of
        1 -> one_of(run(S, erlang, processes, []));
        _ -> client_pid(S)
    end.

client_pid(#{nodes := Nodes} = S) ->
    case rand:uniform(4) of
        1 -> self();
        2 -> short_lived();
        3 -> foreign(one_of([nowhere@nowhere | Nodes]));
        4 -> list(S)
    end.

short_lived() ->
    Milliseconds = rand:uniform(1000) - 1,
    spawn(fun() -> receive after Milliseconds -> ok end end).

%% A pid that nobody has, of a node that may be there.
foreign(Node) ->
    Name = atom_to_binary(Node),
    binary_to_term(<<131, 88, 119, (byte_size(Name)), Name/binary, (rand:uniform(500)):32, 0:32, 11:32>>).

%% Lists and what was spawned by others; nothing that the node itself rests on.
spawned(S) ->
    [Pid || Pid <- run(S, erlang, processes, []),
            {initial_call, {Module, init, 1}} <- [run(S, erlang, process_info, [Pid, initial_call])],
            lists:member(Module, ['Elixir.Todo.Server', erpc])].

%% ---- how ----

milliseconds() ->
    one_of([1, 5, 1000, 1000, 1000]).

call(To, Request) ->
    case rand:uniform(2) of
        1 -> gen_server:call(To, Request, milliseconds());
        2 -> todo_call:call(gen_server, To, Request, milliseconds())
    end.

run(#{node := Node}, Module, Function, Arguments) ->
    erpc:call(Node, Module, Function, Arguments, milliseconds()).

replace(To, Fun) ->
    sys:replace_state(To, Fun, milliseconds()).

%% A list with one entry more.
with(Entry, State) ->
    #{next_id := Id, entries := Entries} = State,
    State#{next_id := Id + 1, entries := Entries#{Id => Entry#{id => Id}}}.

command() ->
    one_of([get_state, get_status, junk(), {debug, junk()}, {debug, {log, junk()}}, {replace_state, junk()},
            {change_code, a, b, c}]).

tag() ->
    Ref = make_ref(),
    one_of([Ref, [alias | Ref], [[alias | Ref] | x], junk()]).

to_rex() ->
    one_of([features_request, {call, erlang, node, [], self()}, {send, ?CACHE, count}, {sbcast, nobody, junk()},
            junk()]).

entry() ->
    #{date => {2024, 1, rand:uniform(28)}, title => junk()}.

junk() ->
    case rand:uniform(10) of
        1 -> binary:copy(<<"x">>, rand:uniform(100000));
        2 -> lists:foldl(fun(_, Term) -> [Term] end, [], lists:seq(1, rand:uniform(2000)));
        3 -> self();
        4 -> make_ref();
        5 -> fun() -> ok end;
        _ -> random_terms:term()
    end.

one_of(List) ->
    lists:nth(rand:uniform(length(List)), List).
