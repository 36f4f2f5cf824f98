%% The node as a client: it sends, monitors and calls by itself. Its lists tell processes of other nodes what changes,
%% connect to nodes that they do not know, and keep nothing of a subscriber that is gone.
-module(client_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(D, {2023, 12, 19}).
-define(DEADLINE_MS, 10000).

all() ->
    [events_of_concurrent_writers_in_order, subscribed_while_written_nothing_missing, event_comes_before_its_answer,
     event_told_survives_kill, acknowledged_events_one_at_a_time, unsubscribed_is_told_nothing,
     subscriber_killed_is_forgotten, subscriber_node_killed_is_forgotten, subscriber_node_frozen_is_given_up,
     third_node_is_connected_to, third_node_gone_is_forgotten_quietly, third_node_without_port_is_forgotten_quietly,
     call_to_a_lost_caller_connects_again, list_killed_subscriber_subscribes_again, both_under_a_supervisor,
     hundred_thousand_of_each_leave_nothing].

init_per_suite(Config) ->
    [{server, node_case:start()} | Config].

end_per_suite(Config) ->
    Server = ?config(server, Config),
    Lines = node_case:lines(Server),
    0 = node_case:stop(Server),
    node_case:clean(),
    ?assertEqual([], [Line || Line <- Lines, string:find(Line, "level=info") =:= nomatch]).

init_per_testcase(Case, Config) ->
    [{name, list_to_binary(node_case:unique(atom_to_list(Case)))} | Config].

end_per_testcase(_Case, _Config) ->
    ok.

list(Config) ->
    node_case:list(?config(server, Config), ?config(name, Config)).

%% ---- order, and nothing missing ----

events_of_concurrent_writers_in_order(Config) ->
    List = list(Config),
    {ok, 0} = gen_server:call(List, {subscribe, self()}),
    Writers = writers(List, 8, 500),
    await_all(Writers),
    ok = gen_server:call(List, sync),
    Entries = gen_server:call(List, entries),
    Events = events(List, drain),
    ?assertEqual(lists:seq(1, length(Events)), [Seq || {Seq, _} <- Events]),
    ?assert(length(Events) >= 8 * 500),
    ?assertEqual(Entries, applied(Events, [])).

%% Whoever comes in the middle has the same list at the end.
subscribed_while_written_nothing_missing(Config) ->
    List = list(Config),
    Writers = writers(List, 4, 500),
    Followers = [spawn_monitor(fun() -> follow(List, N * 10) end) || N <- lists:seq(1, 20)],
    await_all(Writers),
    ok = gen_server:call(List, sync),
    Entries = gen_server:call(List, entries),
    {ok, Last} = gen_server:call(List, {subscribe, self()}),
    [Pid ! {until, Last} || {Pid, _} <- Followers],
    [receive {'DOWN', Monitor, process, Pid, Result} -> ?assertEqual({followed, Entries}, Result) end
     || {Pid, Monitor} <- Followers],
    ok.

follow(List, Size) ->
    node_case:await(fun() -> gen_server:call(List, size) >= Size end),
    {ok, Since} = gen_server:call(List, {subscribe, self()}),
    Entries = gen_server:call(List, entries),
    Last = receive {until, Seq} -> Seq after 60000 -> error(no_end) end,
    Events = events(List, Last - Since),
    [Seq || {Seq, _} <- Events] =:= lists:seq(Since + 1, Last) orelse error({gaps, Since, Last, Events}),
    exit({followed, applied(Events, Entries)}).

%% A caller that subscribed sees the event first: the answer says that everybody was told.
event_comes_before_its_answer(Config) ->
    List = list(Config),
    {ok, 0} = gen_server:call(List, {subscribe, self()}),
    Tag = make_ref(),
    List ! {'$gen_call', {self(), Tag}, {add_entry, #{date => ?D}}},
    List ! {'$gen_call', {self(), Tag}, {add_entry, no_entry}},
    ?assertEqual([{Tag, {error, badarg}}, {todo_event, List, 1, {add_entry, #{date => ?D, id => 1}}}, {Tag, {ok, 1}}],
                 [receive Message -> Message after ?DEADLINE_MS -> nothing end || _ <- [1, 2, 3]]).

event_told_survives_kill(_Config) ->
    Server = node_case:start(),
    List = node_case:list(Server, <<"bob">>),
    {ok, 0} = gen_server:call(List, {subscribe, self()}),
    [ok = gen_server:cast(List, {add_entry, #{date => ?D, n => N}}) || N <- lists:seq(1, 1000)],
    Told = events(List, 500),
    _ = node_case:kill(Server),
    More = events(List, drain),
    Again = node_case:start(#{folder => maps:get(folder, Server)}),
    Entries = gen_server:call(node_case:list(Again, <<"bob">>), entries),
    ?assertEqual([], [Entry || {_, {add_entry, Entry}} <- Told ++ More, not lists:member(Entry, Entries)]),
    0 = node_case:stop(Again).

%% ---- calls ----

acknowledged_events_one_at_a_time(Config) ->
    List = list(Config),
    {ok, 0} = gen_server:call(List, {subscribe, self(), [{ack, ?DEADLINE_MS}]}),
    {ok, _} = gen_server:call(List, {add_entries, [#{date => N} || N <- lists:seq(1, 1000)]}),
    [begin
         Id = N,
         From = receive {'$gen_call', F, {todo_event, List, N, {add_entry, #{id := Id}}}} -> F
                after ?DEADLINE_MS -> error({no_event, N}) end,
         {message_queue_len, 0} = process_info(self(), message_queue_len),
         gen_server:reply(From, N)
     end || N <- lists:seq(1, 1000)],
    ok = gen_server:call(List, {unsubscribe, self()}),
    ?assertEqual([], monitors(List)).

unsubscribed_is_told_nothing(Config) ->
    List = list(Config),
    {ok, 0} = gen_server:call(List, {subscribe, self()}),
    ?assertEqual([{process, self()}], monitors(List)),
    ok = gen_server:call(List, {unsubscribe, self()}),
    ok = gen_server:call(List, {unsubscribe, self()}),
    {ok, 1} = gen_server:call(List, {add_entry, #{date => ?D}}),
    ?assertEqual([], monitors(List)),
    ?assertEqual([], events(List, drain)),
    ?assertEqual({error, badarg}, gen_server:call(List, {subscribe, no_pid})).

%% ---- subscribers that go ----

subscriber_killed_is_forgotten(Config) ->
    List = list(Config),
    [begin
         {Pid, Monitor} = spawn_monitor(fun() -> receive after infinity -> ok end end),
         {ok, _} = gen_server:call(List, {subscribe, Pid, Options}),
         ?assertEqual([{process, Pid}], monitors(List)),
         exit(Pid, kill),
         receive {'DOWN', Monitor, process, Pid, killed} -> ok end,
         await_no_monitors(List),
         {ok, _} = gen_server:call(List, {subscribe, Pid, Options}), % noproc at once
         await_no_monitors(List)
     end || Options <- [[], [{ack, 1000}]]],
    ok.

subscriber_node_killed_is_forgotten(Config) ->
    List = list(Config),
    {Peer, _Node, OsPid} = beam(["-connect_all", "false"]),
    Self = self(),
    Subscribers = [peer:call(Peer, ?MODULE, start_collector, [Self]) || _ <- lists:seq(1, 10)],
    [{ok, _} = gen_server:call(List, {subscribe, Pid, Options}) || Pid <- Subscribers, Options <- [[], [{ack, 60000}]]],
    {ok, 1} = gen_server:call(List, {add_entry, #{date => ?D}}),
    ?assertEqual(20, length([x || {process, _} <- monitors(List)])), % 10 of calls
    _ = os:cmd("kill -KILL " ++ OsPid),
    await_no_monitors(List),
    {ok, 2} = gen_server:call(List, {add_entry, #{date => ?D}}),
    node_case:await(fun() -> table(List, peers_pending) =:= 0 end),
    ?assertEqual([], monitors(List)).

%% Its process is there, but does not answer: the list lets it go and says so when it can be heard.
subscriber_node_frozen_is_given_up(Config) ->
    List = list(Config),
    {Peer, _Node, OsPid} = beam([]),
    Subscriber = peer:call(Peer, ?MODULE, start_collector, [self()]),
    {ok, 0} = gen_server:call(List, {subscribe, Subscriber, [{ack, 500}]}),
    {ok, 1} = gen_server:call(List, {add_entry, #{date => ?D}}),
    Event = {todo_event, List, 1, {add_entry, #{date => ?D, id => 1}}},
    receive {Subscriber, {call, Event}} -> ok after ?DEADLINE_MS -> error(no_event) end,
    _ = os:cmd("kill -STOP " ++ OsPid),
    {ok, 2} = gen_server:call(List, {add_entry, #{date => ?D}}),
    {ok, 3} = gen_server:call(List, {add_entry, #{date => ?D}}),
    await_no_monitors(List),
    _ = os:cmd("kill -CONT " ++ OsPid),
    receive {Subscriber, {todo_unsubscribed, List, Seq, Reason}} -> ?assertEqual({1, timeout}, {Seq, Reason})
    after ?DEADLINE_MS -> error(not_told)
    end,
    {ok, 3} = gen_server:call(List, {subscribe, Subscriber, [{ack, 5000}]}),
    ok = gen_server:call(List, {delete_entry, 1}),
    Deleted = {todo_event, List, 4, {delete_entry, 1}},
    receive {Subscriber, {call, Deleted}} -> ok after ?DEADLINE_MS -> error(no_event) end,
    ok = peer:stop(Peer).

%% ---- nodes that ours does not know ----

third_node_is_connected_to(Config) ->
    List = list(Config),
    {Peer, Node, _} = beam([]),
    ?assertEqual([], peer:call(Peer, erlang, nodes, [connected])),
    [begin
         Subscriber = peer:call(Peer, ?MODULE, start_collector, [self()]),
         {ok, Seq} = gen_server:call(List, {subscribe, Subscriber, Options}),
         ok = gen_server:cast(List, {add_entry, #{date => ?D}}),
         receive
             {Subscriber, {Form, {todo_event, List, Next, {add_entry, _}}}} -> ?assertEqual(Seq + 1, Next)
         after ?DEADLINE_MS -> error({no_event, Options})
         end,
         ?assert(lists:member(node(List), peer:call(Peer, erlang, nodes, [hidden]))),
         ok = gen_server:call(List, {unsubscribe, Subscriber}),
         cut(List, Peer, Node)
     end || {Options, Form} <- [{[], message}, {[{ack, 5000}], call}, {[], message}]],
    ok = peer:stop(Peer).

third_node_gone_is_forgotten_quietly(Config) ->
    List = list(Config),
    {Peer, _Node, _} = beam([]),
    Subscriber = peer:call(Peer, ?MODULE, start_collector, [self()]),
    ok = peer:stop(Peer),
    quietly(List, Subscriber).

third_node_without_port_is_forgotten_quietly(Config) ->
    List = list(Config),
    {Peer, _Node, _} = beam(["-dist_listen", "false"]),
    Subscriber = peer:call(Peer, ?MODULE, start_collector, [self()]),
    quietly(List, Subscriber),
    ok = peer:stop(Peer).

quietly(List, Subscriber) ->
    {ok, 0} = gen_server:call(List, {subscribe, Subscriber}),
    {ok, 0} = gen_server:call(List, {subscribe, Subscriber, [{ack, 1000}]}),
    {ok, 1} = gen_server:call(List, {add_entry, #{date => ?D}}),
    await_no_monitors(List),
    node_case:await(fun() -> table(List, peers_pending) =:= 0 end).

%% A caller's node has cut the connection: the answer finds it all the same, as a BEAM's would.
call_to_a_lost_caller_connects_again(Config) ->
    List = list(Config),
    {Peer, Node, _} = beam([]),
    ok = sys:suspend(List),
    Caller = peer:call(Peer, ?MODULE, start_collector, [self()]),
    Caller ! {send, List, {'$gen_call', {Caller, tag}, size}},
    node_case:await(fun() -> queue(List) =:= 1 end),
    cut(List, Peer, Node),
    ok = sys:resume(List),
    receive {Caller, {tag, 0}} -> ok after ?DEADLINE_MS -> error(no_answer) end,
    ok = peer:stop(Peer).

%% ---- lists that go ----

list_killed_subscriber_subscribes_again(Config) ->
    List = list(Config),
    Monitor = monitor(process, List),
    {ok, 0} = gen_server:call(List, {subscribe, self()}),
    {ok, 1} = gen_server:call(List, {add_entry, #{date => ?D}}),
    exit(List, kill),
    killed = node_case:down(Monitor, List),
    Next = list(Config),
    {ok, 0} = gen_server:call(Next, {subscribe, self()}),
    [_] = gen_server:call(Next, entries),
    ok = gen_server:call(Next, {delete_entry, 1}),
    ?assertMatch([{1, {add_entry, #{id := 1}}}], events(List, 1)),
    ?assertEqual([{1, {delete_entry, 1}}], events(Next, 1)),
    Gone = monitor(process, Next),
    ok = gen_server:call(node_case:database(?config(server, Config)), {delete, ?config(name, Config)}),
    normal = node_case:down(Gone, Next).

%% A supervisor here, its first child the list, its second one a subscriber of it.
both_under_a_supervisor(Config) ->
    {ok, Supervisor} = supervisor:start_link(?MODULE, {both, ?config(server, Config), ?config(name, Config), self()}),
    First = subscribed(),
    {list, List, _, _} = lists:keyfind(list, 1, supervisor:which_children(Supervisor)),
    exit(element(1, First), kill),
    {_, List} = Second = subscribed(),
    {ok, 1} = gen_server:call(List, {add_entry, #{date => ?D}}),
    told(Second, {todo_event, List, 1, {add_entry, #{date => ?D, id => 1}}}),
    exit(List, kill),
    {_, Next} = Third = subscribed(),
    ?assertNotEqual(List, Next),
    ok = gen_server:call(Next, {delete_entry, 1}),
    told(Third, {todo_event, Next, 1, {delete_entry, 1}}),
    ?assertEqual([{process, element(1, Third)}], monitors(Next)),
    unlink(Supervisor),
    Monitor = monitor(process, Supervisor),
    exit(Supervisor, shutdown),
    shutdown = node_case:down(Monitor, Supervisor),
    await_no_monitors(list(Config)).

init({both, Server, Name, Parent}) ->
    {ok, {#{strategy => rest_for_one, intensity => 10, period => 1},
          [#{id => list, start => {?MODULE, start_list, [Server, Name]}, shutdown => 1000},
           #{id => subscriber, start => {?MODULE, start_subscriber, [Server, Name, Parent]},
             shutdown => brutal_kill}]}}.

start_list(Server, Name) ->
    List = node_case:list(Server, Name),
    true = link(List),
    {ok, List}.

start_subscriber(Server, Name, Parent) ->
    List = node_case:list(Server, Name),
    Pid = spawn_link(fun() -> collect(Parent) end),
    {ok, 0} = gen_server:call(List, {subscribe, Pid}),
    Parent ! {subscribed, {Pid, List}},
    {ok, Pid}.

subscribed() ->
    receive {subscribed, Both} -> Both after ?DEADLINE_MS -> error(not_started) end.

told({Subscriber, _}, Event) ->
    receive {Subscriber, {message, Event}} -> ok after ?DEADLINE_MS -> error({not_told, Event}) end.

%% ---- nothing is left ----

hundred_thousand_of_each_leave_nothing(Config) ->
    List = list(Config),
    Keys = [links, monitors, monitored_by, message_queue_len],
    Before = {erpc:call(node(List), erlang, process_info, [List, Keys]), tables(List)},
    [round_of_clients(List, 1000) || _ <- lists:seq(1, 100)],
    node_case:await(fun() ->
                            {erpc:call(node(List), erlang, process_info, [List, Keys]), tables(List)} =:= Before
                    end),
    {[{links, [_Cache]}, {monitors, []}, {monitored_by, []}, {message_queue_len, 0}], _} = Before,
    {ok, 1} = gen_server:call(List, {add_entry, #{date => ?D}}).

round_of_clients(List, Count) ->
    Self = self(),
    Clients = [spawn_monitor(fun() -> client(List, Self) end) || _ <- lists:seq(1, Count)],
    [receive {Pid, holds} -> ok after ?DEADLINE_MS -> error(holds_not) end || {Pid, _} <- Clients],
    [Pid ! go || {Pid, _} <- Clients],
    [receive {'DOWN', Monitor, process, Pid, normal} -> ok after ?DEADLINE_MS -> error(stays) end
     || {Pid, Monitor} <- Clients].

client(List, Parent) ->
    _ = monitor(process, List),
    true = link(List),
    {ok, 0} = gen_server:call(List, {subscribe, self()}, ?DEADLINE_MS),
    Parent ! {self(), holds},
    receive go -> ok end.

%% ---- what the cases are made of ----

%% Each makes Count changes: adds, then updates and deletes of what is there, calls and casts mixed.
writers(List, Writers, Count) ->
    [spawn_monitor(fun() -> write(List, Writer, Count) end) || Writer <- lists:seq(1, Writers)].

write(_List, _Writer, 0) ->
    ok;
write(List, Writer, N) when N rem 10 =:= 0 ->
    {ok, [Id, Other]} = gen_server:call(List, {add_entries, [#{date => ?D, by => Writer}, #{date => ?D, by => N}]}),
    ok = gen_server:call(List, {delete_entry, Other}),
    gen_server:cast(List, {update_entry, Id, #{date => ?D, by => Writer, n => N}}),
    write(List, Writer, N - 1);
write(List, Writer, N) when N rem 2 =:= 0 ->
    {ok, _} = gen_server:call(List, {add_entry, #{date => ?D, by => Writer, n => N}}),
    write(List, Writer, N - 1);
write(List, Writer, N) ->
    gen_server:cast(List, {add_entry, #{date => ?D, by => Writer, n => N}}),
    write(List, Writer, N - 1).

await_all(Processes) ->
    [receive {'DOWN', Monitor, process, Pid, Reason} -> ?assertEqual(normal, Reason) end
     || {Pid, Monitor} <- Processes].

%% So many events of the list, or all that are there: each is there before the answer to a later call.
events(_List, 0) ->
    [];
events(List, drain) ->
    receive {todo_event, List, Seq, Change} -> [{Seq, Change} | events(List, drain)] after 0 -> [] end;
events(List, Count) ->
    receive {todo_event, List, Seq, Change} -> [{Seq, Change} | events(List, Count - 1)]
    after ?DEADLINE_MS -> error({no_event, Count})
    end.

applied(Events, Entries) ->
    Map = lists:foldl(fun apply_event/2, maps:from_list([{Id, Entry} || #{id := Id} = Entry <- Entries]), Events),
    [Entry || {_, Entry} <- lists:sort(maps:to_list(Map))].

apply_event({_, {delete_entry, Id}}, Map) -> maps:remove(Id, Map);
apply_event({_, {_, #{id := Id} = Entry}}, Map) -> Map#{Id => Entry}.

monitors(List) ->
    {monitors, Monitors} = erpc:call(node(List), erlang, process_info, [List, monitors]),
    Monitors.

await_no_monitors(List) ->
    node_case:await(fun() -> monitors(List) =:= [] end, ?DEADLINE_MS).

queue(List) ->
    {message_queue_len, Length} = erpc:call(node(List), erlang, process_info, [List, message_queue_len]),
    Length.

tables(List) ->
    erpc:call(node(List), erlang, system_info, [node_tables]).

table(List, Table) ->
    proplists:get_value(Table, tables(List)).

%% Both sides know when this returns that they are not connected any more.
cut(List, Peer, Node) ->
    true = peer:call(Peer, erlang, disconnect_node, [node(List)]),
    node_case:await(fun() -> not lists:member(Node, erpc:call(node(List), erlang, nodes, [hidden])) end).

%% Another BEAM, which is controlled by its standard streams and knows this module; with its operating system's pid.
beam(Arguments) ->
    {ok, Peer, Node} = peer:start(#{name => node_case:unique("client"), connection => standard_io,
                                    args => ["-setcookie", atom_to_list(erlang:get_cookie()), "-hidden", "+S1:1"
                                             | Arguments]}),
    {Module, Code, File} = code:get_object_code(?MODULE),
    {module, Module} = peer:call(Peer, code, load_binary, [Module, File, Code]),
    {Peer, Node, peer:call(Peer, os, getpid, [])}.

%% A process that tells what it is sent and answers calls.
start_collector(Parent) ->
    spawn(fun() -> collect(Parent) end).

collect(Parent) ->
    receive
        {send, To, Message} -> To ! Message;
        {'$gen_call', From, Request} -> gen_server:reply(From, ok), Parent ! {self(), {call, Request}};
        Event when element(1, Event) =:= todo_event -> Parent ! {self(), {message, Event}};
        Message -> Parent ! {self(), Message}
    end,
    collect(Parent).
