%% Bounds: whoever sends more than the node can take, or reads less than it is sent, waits or is disconnected; nobody else
%% notices, nothing is lost, and the node's memory stays small. docs/operations.md, "Bounds".
-module(flood_SUITE).

-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(D, {2023, 12, 19}).
-define(MIB, (1024 * 1024)).

all() ->
    [large_replies_wait_for_their_reader, peer_that_does_not_read_starves_nobody, slow_reader_starves_nobody,
     many_lists_asked_at_once, values_asked_for_at_once, casts_to_a_list_that_is_loaded, suspended_list_has_a_bound,
     mailbox_filled_by_another, stop_answers_who_reads_late, stop_waits_for_no_slow_reader, updates_and_adds].

suite() ->
    [{timetrap, {minutes, 2}}].

init_per_suite(Config) ->
    ok = node_case:distribute(),
    Config.

end_per_suite(_Config) ->
    node_case:clean().

%% ---- what the cases need ----

%% With AddressSanitizer the node needs more: what is freed is kept for a while, and everything has a frame.
sanitized(Server) ->
    {ok, Maps} = file:read_file(["/proc/", integer_to_list(node_case:pid_of(Server)), "/maps"]),
    binary:match(Maps, <<"libasan">>) =/= nomatch.

%% The most memory that it has ever had, in MiB.
peak(Server) ->
    {ok, Status} = file:read_file(["/proc/", integer_to_list(node_case:pid_of(Server)), "/status"]),
    {match, [KiB]} = re:run(Status, "VmHWM:\\s*([0-9]+) kB", [{capture, all_but_first, list}]),
    list_to_integer(KiB) div 1024.

expect_peak(Server, Case, MiB) ->
    Peak = peak(Server),
    ct:pal("~p: ~b MiB at most", [Case, Peak]),
    Sanitized = sanitized(Server),
    ?assert(Peak < MiB orelse (Sanitized andalso Peak < 200 + 3 * MiB)).

entry(Title) ->
    #{date => ?D, title => Title}.

%% A list whose entries are Size bytes, and what it answers.
large_list(Server, Name, Size) ->
    List = node_case:list(Server, Name),
    [{ok, _} = gen_server:call(List, {add_entry, entry(<<N, (rand:bytes(Size div 8 - 1))/binary>>)})
     || N <- lists:seq(1, 8)],
    {List, gen_server:call(List, entries)}.

%% Calls from that many processes; each asserts the answer and ends with its verdict.
callers(Count, List, Expected) ->
    [spawn_monitor(fun() -> exit(gen_server:call(List, entries, infinity) =:= Expected) end)
     || _ <- lists:seq(1, Count)].

verdicts(Callers) ->
    lists:usort([node_case:down(Monitor, Pid) || {Pid, Monitor} <- Callers]).

%% Until that many messages wait for it.
await_queue(List, Length) ->
    node_case:await(fun() -> {message_queue_len, Length} =:= rpc:call(node(List), erlang, process_info,
                                                                      [List, message_queue_len]) end).

%% Another BEAM that is connected to the node, as an operating-system process that can be stopped.
reader(Server) ->
    Name = node_case:unique("reader"),
    Beam = beam_case:start(#{args => ["-sname", Name, "-hidden", "-kernel", "dist_auto_connect", "once",
                                      "-setcookie", atom_to_list(erlang:get_cookie())]}),
    pong = beam_case:call(Beam, net_adm, ping, [maps:get(node, Server)]),
    {Beam, beam_case:call(Beam, os, getpid, [])}.

signal(Signal, OsPid) ->
    "" = os:cmd("kill -" ++ Signal ++ " " ++ OsPid),
    ok.

%% On the reader: a process that sends so many requests and waits for no answer.
ask(To, Count, Request) ->
    _ = spawn(fun() ->
                      _ = [gen_server:send_request(To, Request) || _ <- lists:seq(1, Count)],
                      receive after infinity -> ok end
              end),
    ok.

ask_to_add(To, Count, Size) ->
    ask(To, Count, {add_entry, entry(binary:copy(<<"x">>, Size))}).

logged(Server, Text) ->
    node_case:await(fun() -> [] =/= [L || L <- node_case:lines(Server), string:find(L, Text) =/= nomatch] end).

%% ---- output ----

%% 200 calls wait for a list; when it goes on their answers, 1.6 GB, are made as fast as they are read.
large_replies_wait_for_their_reader(_Config) ->
    Server = node_case:start(),
    {List, Expected} = large_list(Server, <<"large">>, 8 * ?MIB),
    ok = sys:suspend(List),
    Callers = callers(200, List, Expected),
    await_queue(List, 200),
    ok = sys:resume(List),
    ?assertEqual([true], verdicts(Callers)),
    expect_peak(Server, ?FUNCTION_NAME, 100),
    0 = node_case:stop(Server).

%% A node asks for much and stands still. Its list is with the others again after a while, and the others are always.
peer_that_does_not_read_starves_nobody(_Config) ->
    Server = node_case:start(),
    {Large, Expected} = large_list(Server, <<"large">>, 4 * ?MIB),
    Small = node_case:list(Server, <<"small">>),
    {ok, 1} = gen_server:call(Small, {add_entry, entry(small)}),
    {Beam, OsPid} = reader(Server),
    ok = sys:suspend(Large),
    ok = beam_case:call(Beam, ?MODULE, ask, [Large, 50, entries]),
    await_queue(Large, 50),
    ok = signal("STOP", OsPid),
    ok = sys:resume(Large),
    Waiting = callers(3, Large, Expected),
    Worst = worst_until_down(Small, Waiting, 0),
    ct:pal("worst call meanwhile: ~b ms", [Worst]),
    ?assert(Worst < 1000),
    logged(Server, "reason=does_not_read"),
    expect_peak(Server, ?FUNCTION_NAME, 100),
    ok = signal("KILL", OsPid),
    0 = node_case:stop(Server).

%% A node asks a list for more than all mailboxes may hold, and reads for 20 ms of each second: what waits for that list
%% keeps nobody from being read.
slow_reader_starves_nobody(_Config) ->
    Server = node_case:start(),
    {Large, _} = large_list(Server, <<"large">>, 4 * ?MIB),
    Small = node_case:list(Server, <<"small">>),
    {Beam, OsPid} = reader(Server),
    ok = sys:suspend(Large),
    ok = beam_case:call(Beam, ?MODULE, ask_with_tags, [Large, 800, 64 * 1024]),
    await_queue(Large, 800),
    ok = signal("STOP", OsPid),
    ok = sys:resume(Large),
    Slow = spawn_monitor(fun() -> drip(OsPid, 6) end),
    Worst = worst_until_down(Small, [Slow], 0),
    ct:pal("worst call meanwhile: ~b ms", [Worst]),
    ?assert(Worst < 1000),
    expect_peak(Server, ?FUNCTION_NAME, 160),
    ok = signal("KILL", OsPid),
    0 = node_case:stop(Server).

%% Many lists have one call each of a node that stands still for a moment: it gets the answers one after another.
many_lists_asked_at_once(_Config) ->
    Server = node_case:start(),
    Lists = [element(1, large_list(Server, <<"large", N>>, 4 * ?MIB)) || N <- lists:seq(1, 40)],
    {Beam, OsPid} = reader(Server),
    _ = [ok = sys:suspend(List) || List <- Lists],
    ok = beam_case:call(Beam, ?MODULE, ask_each, [Lists]),
    _ = [await_queue(List, 1) || List <- Lists],
    ok = signal("STOP", OsPid),
    _ = [ok = sys:resume(List) || List <- Lists],
    ok = signal("CONT", OsPid),
    node_case:await(fun() -> beam_case:call(Beam, ?MODULE, answered, []) =:= length(Lists) end),
    expect_peak(Server, ?FUNCTION_NAME, 250),
    beam_case:stop(Beam),
    0 = node_case:stop(Server).

%% On the reader: a process, asking, that calls each list and counts the answers.
ask_each(Lists) ->
    Asking = spawn(fun() -> count_answers([gen_server:send_request(List, entries) || List <- Lists], 0) end),
    true = register(asking, Asking),
    ok.

count_answers(Requests, Count) ->
    _ = put(answered, Count),
    receive
        Message ->
            Answers = [R || R <- Requests,
                            {reply, [_, _, _, _, _, _, _, _]} <- [gen_server:check_response(Message, R)]],
            count_answers(Requests, Count + length(Answers))
    end.

answered() ->
    {dictionary, Dictionary} = process_info(whereis(asking), dictionary),
    proplists:get_value(answered, Dictionary).

%% On the reader: that many calls whose tags are that large.
ask_with_tags(To, Count, Size) ->
    _ = spawn(fun() ->
                      _ = [To ! {'$gen_call', {self(), <<N:32, 0:Size/unit:8>>}, entries} || N <- lists:seq(1, Count)],
                      receive after infinity -> ok end
              end),
    ok.

drip(_OsPid, 0) ->
    exit(true);
drip(OsPid, Seconds) ->
    receive after 980 -> ok end,
    ok = signal("CONT", OsPid),
    receive after 20 -> ok end,
    ok = signal("STOP", OsPid),
    drip(OsPid, Seconds - 1).

%% Calls the list as long as the others wait; milliseconds of the slowest call.
worst_until_down(_List, [], Worst) ->
    Worst;
worst_until_down(List, [{Pid, Monitor} | More] = Waiting, Worst) ->
    receive
        {'DOWN', Monitor, process, Pid, Verdict} ->
            ?assertEqual(true, Verdict),
            worst_until_down(List, More, Worst)
    after 0 ->
            {Microseconds, _} = timer:tc(gen_server, call, [List, entries]),
            worst_until_down(List, Waiting, max(Worst, Microseconds div 1000))
    end.

%% A hundred values of 4 MB asked for at once: the files are read as fast as the client reads.
values_asked_for_at_once(_Config) ->
    Server = node_case:start(),
    Database = node_case:database(Server),
    Value = rand:bytes(4 * ?MIB),
    ok = gen_server:call(Database, {store, value, Value}),
    ok = gen_server:call(Database, sync, infinity),
    Callers = [spawn_monitor(fun() -> exit(gen_server:call(Database, {get, value}, infinity) =:= Value) end)
               || _ <- lists:seq(1, 100)],
    ?assertEqual([true], verdicts(Callers)),
    expect_peak(Server, ?FUNCTION_NAME, 130),
    0 = node_case:stop(Server).

%% A node that asked for more than it has read when the node is stopped gets all of it, if
%% that does not take long.
stop_answers_who_reads_late(_Config) ->
    Server = node_case:start(),
    {List, Expected} = large_list(Server, <<"large">>, 8 * ?MIB),
    ok = sys:suspend(List),
    Callers = callers(15, List, Expected),
    await_queue(List, 15),
    ok = sys:resume(List),
    0 = node_case:stop(Server),
    ?assertEqual([true], verdicts(Callers)).

%% Who reads some of it now and then is not waited for: the node writes what there is to write, and ends well.
stop_waits_for_no_slow_reader(_Config) ->
    Server = #{folder := Folder} = node_case:start(),
    {List, _} = large_list(Server, <<"large">>, 8 * ?MIB),
    {Beam, OsPid} = reader(Server),
    ok = sys:suspend(List),
    ok = beam_case:call(Beam, ?MODULE, ask, [List, 2000, entries]),
    await_queue(List, 2000),
    ok = signal("STOP", OsPid),
    ok = sys:resume(List),
    Slow = spawn(fun() -> drip(OsPid, 60) end),
    {Microseconds, Status} = timer:tc(node_case, stop, [Server]),
    ct:pal("stopped in ~b ms", [Microseconds div 1000]),
    exit(Slow, kill),
    ok = signal("KILL", OsPid),
    ?assertEqual(0, Status),
    ?assertEqual([], filelib:wildcard(".journal-*", Folder)),
    ?assert(Microseconds < 25000000).

%% ---- mailboxes ----

%% More than the node wants to hold is sent to a list that is still read from disk, behind many others.
casts_to_a_list_that_is_loaded(_Config) ->
    Folder = node_case:folder(),
    Names = [integer_to_binary(N) || N <- lists:seq(1, 30)],
    First = node_case:start(#{folder => Folder}),
    _ = [large_list(First, Name, ?MIB) || Name <- Names],
    0 = node_case:stop(First),
    Server = node_case:start(#{folder => Folder, arguments => ["--workers", "1"]}),
    Lists = [node_case:list(Server, Name) || Name <- Names],
    Last = lists:last(Lists),
    Title = binary:copy(<<"x">>, 64 * 1024),
    [gen_server:cast(Last, {update_entry, N rem 8 + 1, entry([N | Title])}) || N <- lists:seq(1, 3000)],
    Entries = gen_server:call(Last, entries, infinity),
    ?assertEqual([{N rem 8 + 1, [N | Title]} || N <- lists:seq(2993, 3000)],
                 lists:sort(fun({_, [A | _]}, {_, [B | _]}) -> A =< B end, [{Id, T} || #{id := Id, title := T} <- Entries])),
    ?assertEqual([8], lists:usort([gen_server:call(List, size) || List <- Lists])),
    expect_peak(Server, ?FUNCTION_NAME, 250),
    0 = node_case:stop(Server).

%% What waits for a suspended list does not go away by itself: whoever sends more than the limit is disconnected.
suspended_list_has_a_bound(_Config) ->
    Server = #{node := Node} = node_case:start(#{arguments => ["--mailbox-limit", "8"]}),
    List = node_case:list(Server, <<"suspended">>),
    Other = node_case:list(Server, <<"other">>),
    {Beam, _} = reader(Server),
    ok = sys:suspend(List),
    ok = beam_case:call(Beam, ?MODULE, ask_to_add, [List, 20, ?MIB]),
    logged(Server, "event=mailbox_full process="),
    logged(Server, "reason=mailbox_full"),
    node_case:await(fun() -> not lists:member(Node, beam_case:call(Beam, erlang, nodes, [hidden])) end),
    ?assertEqual(0, gen_server:call(Other, size)),
    ok = sys:resume(List),
    %% Its calls went with it; the list is as it was.
    ?assertEqual(0, gen_server:call(List, size)),
    beam_case:stop(Beam),
    0 = node_case:stop(Server).

%% Who calls a process whose mailbox somebody else has filled stays connected; its calls are refused meanwhile.
mailbox_filled_by_another(_Config) ->
    Server = #{node := Node} = node_case:start(#{arguments => ["--mailbox-limit", "8"]}),
    List = node_case:list(Server, <<"suspended">>),
    {Beam, _} = reader(Server),
    ok = sys:suspend(List),
    ok = beam_case:call(Beam, ?MODULE, ask_to_add, [List, 8, ?MIB]),
    await_queue(List, 8),
    true = erlang:monitor_node(Node, true),
    Tag = make_ref(),
    List ! {'$todo_call', {self(), Tag}, size},
    ?assertEqual({exit, system_limit}, receive {Tag, Answer} -> Answer after 30000 -> nothing end),
    Request = gen_server:send_request(List, size),
    logged(Server, "event=message_refused process="),
    ok = sys:resume(List),
    ?assertEqual(8, gen_server:call(List, size)),
    ?assertEqual(timeout, gen_server:wait_response(Request, 0)),
    receive {nodedown, Node} -> ct:fail(disconnected) after 0 -> ok end,
    ?assert(lists:member(Node, beam_case:call(Beam, erlang, nodes, [hidden]))),
    beam_case:stop(Beam),
    0 = node_case:stop(Server).

%% ---- sheer numbers ----

updates_and_adds(_Config) ->
    Folder = node_case:folder(),
    Server = node_case:start(#{folder => Folder}),
    Lists = list_to_tuple([node_case:list(Server, N) || N <- lists:seq(1, 1000)]),
    Each = fun(Fun) -> lists:foreach(Fun, tuple_to_list(Lists)) end,
    Each(fun(List) -> {ok, _} = gen_server:call(List, {add_entries, lists:duplicate(10, entry(first))}) end),
    Sent = 300000,
    [gen_server:cast(element(I rem 1000 + 1, Lists), {update_entry, I div 1000 rem 10 + 1, entry(I)})
     || I <- lists:seq(0, Sent - 1)],
    Each(fun(List) -> ok = gen_server:call(List, sync, infinity) end),
    expect_peak(Server, updates, 100),
    [gen_server:cast(element(I rem 1000 + 1, Lists), {add_entry, entry(I)}) || I <- lists:seq(0, Sent div 3 - 1)],
    Each(fun(List) -> ok = gen_server:call(List, sync, infinity) end),
    expect_peak(Server, adds, 130),
    0 = node_case:stop(Server),
    Again = node_case:start(#{folder => Folder}),
    [begin
         Entries = gen_server:call(node_case:list(Again, N), entries),
         Last = [{K, Sent - 10000 + (K - 1) * 1000 + N - 1} || K <- lists:seq(1, 10)],
         Added = [{K + 10, (K - 1) * 1000 + N - 1} || K <- lists:seq(1, Sent div 3000)],
         ?assertEqual(Last ++ Added, lists:sort([{Id, Title} || #{id := Id, title := Title} <- Entries]))
     end || N <- lists:seq(1, 1000)],
    0 = node_case:stop(Again).
