%% Attacks on a node, one after the other, and what has to be so after each: a good client is answered, the node is the
%% same process of the operating system, and has its memory, descriptors and tables back. As a program: `make hostile'.
-module(hostile).

-export([begin_on/2, finish/1, attacks/0, attack/3, totals/2, main/0]).
-export([count/2, pick/1, memory/1, memory_max/1, answers/2, call/4, call_frame/4]).

-define(ATTACK_MS, 60000).
-define(BACK_MS, 20000).
-define(LIMIT_US, 100000).
-define(MEMORY_MIB, 128).
-define(ECHO, hostile_echo).

%% scale: how much an attack does; full: the same each time.
-type context() :: #{target := raw_peer:target(), server := node_case:server(), client := pid(),
                     scale := full | random, recorded := hostile_frames:recorded(), before := map()}.
%% What a client saw of an attack, and what was wrong.
-type outcome() :: #{name := atom(), ms := non_neg_integer(), worst_us := non_neg_integer(),
                     busy_us := non_neg_integer(), late_us := non_neg_integer(), calls := non_neg_integer(),
                     after_us := non_neg_integer(), memory := non_neg_integer(), findings := [term()]}.
-export_type([context/0, outcome/0]).

-spec attacks() -> [{atom(), fun((context()) -> ok)}].
attacks() ->
    hostile_handshakes:all() ++ hostile_signals:all().

%% ---- a node and its good client ----

-spec begin_on(node_case:server(), full | random) -> context().
begin_on(#{node := Node} = Server, Scale) ->
    Target = raw_peer:target(Node),
    Recorded = hostile_frames:record(Target),
    Echo = spawn_link(fun hostile_client:echo/0),
    true = register(?ECHO, Echo),
    Client = hostile_client:start(Node, node_case:pid_of(Server)),
    Context = #{target => Target, server => Server, client => Client, scale => Scale, recorded => Recorded},
    node_case:await(fun() -> is_pid(hostile_client:list(Client)) end),
    ok = end_lists(Context),
    Context#{before => #{memory => memory(Context), descriptors => descriptors(Context), tables => tables(Context)}}.

-spec finish(context()) -> ok.
finish(#{client := Client}) ->
    ok = hostile_client:stop(Client),
    Echo = whereis(?ECHO),
    unlink(Echo),
    exit(Echo, kill),
    ok.

%% Seed: of what is random in it.
-spec attack({atom(), fun((context()) -> ok)}, term(), context()) -> outcome().
attack({Name, Fun}, Seed, #{client := Client} = Context) ->
    _ = hostile_client:take(Client),
    Begin = erlang:monotonic_time(millisecond),
    {Pid, Monitor} = spawn_monitor(fun() -> _ = rand:seed(exsss, Seed), exit({over, Fun(Context)}) end),
    Ended = receive
                {'DOWN', Monitor, process, Pid, {over, ok}} -> [];
                {'DOWN', Monitor, process, Pid, Reason} -> [{attack, Reason}]
            after ?ATTACK_MS ->
                    exit(Pid, kill),
                    receive {'DOWN', Monitor, process, Pid, _} -> [{attack, timeout}] end
            end,
    Ms = erlang:monotonic_time(millisecond) - Begin,
    #{failures := Failures} = Figures = hostile_client:take(Client),
    {After, Echo} = hostile_client:compare(Client, {?ECHO, node()}),
    Findings = Ended ++ [{client, Failure} || Failure <- Failures] ++ [{slow, After, Echo} || slow(After, Echo)]
        ++ not_back(Context),
    Seen = maps:with([calls, worst_us, busy_us, late_us], Figures),
    Seen#{name => Name, ms => Ms, after_us => After, memory => memory(Context), findings => Findings}.

%% 100 ms, or, on a machine that is so busy, twenty times what a process of a BEAM needs there and then.
slow(After, Echo) ->
    After > max(?LIMIT_US, 20 * Echo).

not_back(#{before := #{memory := Memory, descriptors := Descriptors, tables := Tables}} = Context) ->
    Checks = [{gone, fun() -> is_there(Context) end},
              {tables, fun() -> end_lists(Context), fits(tables(Context), Tables) end},
              {descriptors, fun() -> descriptors(Context) =< Descriptors end},
              {memory, fun() -> memory(Context) =< Memory + allowed(Context) end}],
    [Finding || {What, Check} <- Checks, Finding <- wrong(What, Check, Context)].

wrong(What, Check, Context) ->
    try
        node_case:await(Check, ?BACK_MS),
        []
    catch
        error:deadline -> [now(What, Context)];
        _:Reason -> [{What, Reason}]
    end.

now(tables, #{before := Before} = Context) -> {tables(Context), Before};
now(descriptors, Context) -> {descriptors, descriptors(Context)};
now(memory, Context) -> {memory, memory(Context)};
now(gone, _) -> gone.

%% The client makes calls, with a monitor each, before and now.
fits(Now, Before) ->
    lists:all(fun({{Table, Size}, {Table, Most}}) -> Size =< Most end, lists:zip(Now, Before)).

is_there(#{target := #{creation := Creation, node := Node}, server := Server}) ->
    filelib:is_dir("/proc/" ++ integer_to_list(node_case:pid_of(Server)))
        andalso maps:get(creation, raw_peer:target(Node)) =:= Creation.

tables(#{target := #{node := Node}}) ->
    erpc:call(Node, erlang, system_info, [node_tables], ?ATTACK_MS).

%% All but the client's. Names may be nothing that a BEAM could use, so by pid.
end_lists(#{target := #{node := Node}, client := Client}) ->
    Pids = [Pid || {_, Pid, _, _} <- gen_server:call({'Elixir.Todo.Cache', Node}, which_children, ?ATTACK_MS)],
    _ = [exit(Pid, kill) || Pid <- Pids -- [hostile_client:list(Client)], is_pid(Pid)],
    ok.

descriptors(#{server := Server}) ->
    {ok, Files} = file:list_dir(["/proc/", integer_to_list(node_case:pid_of(Server)), "/fd"]),
    %% Files of the store come and go.
    length([File || File <- Files,
                    {ok, "socket:" ++ _} <- [file:read_link(["/proc/", integer_to_list(node_case:pid_of(Server)),
                                                             "/fd/", File])]]).

%% What AddressSanitizer needs is not the node's.
allowed(#{server := Server}) ->
    {ok, Maps} = file:read_file(["/proc/", integer_to_list(node_case:pid_of(Server)), "/maps"]),
    case binary:match(Maps, <<"libasan">>) of
        nomatch -> ?MEMORY_MIB;
        _ -> 10 * ?MEMORY_MIB
    end.

%% ---- for attacks ----

%% So many, or some of them.
-spec count(context(), pos_integer()) -> pos_integer().
count(#{scale := full}, Most) -> Most;
count(#{scale := random}, Most) -> rand:uniform(max(1, Most div 4)).

-spec pick([Element, ...]) -> Element.
pick(List) ->
    lists:nth(rand:uniform(length(List)), List).

%% Resident, in MiB.
-spec memory(context()) -> non_neg_integer().
memory(#{server := Server}) ->
    {ok, Status} = file:read_file(["/proc/", integer_to_list(node_case:pid_of(Server)), "/status"]),
    {match, [KiB]} = re:run(Status, "VmRSS:\\s*([0-9]+) kB", [{capture, all_but_first, list}]),
    list_to_integer(KiB) div 1024.

%% What it may have at any time.
-spec memory_max(context()) -> pos_integer().
memory_max(Context) ->
    5 * allowed(Context).

%% That connection is served: what was sent before is done, and a call is answered.
-spec answers(raw_peer:peer(), node()) -> ok.
answers(Peer, Node) ->
    ok = call(Peer, Node, 'Elixir.Todo.Cache', {whereis, <<"nobody at all">>}),
    await_nil(Peer).

await_nil(Peer) ->
    case raw_peer:receive_frame(Peer, ?ATTACK_MS) of
        {ok, Frame} ->
            case binary:match(Frame, <<"nil">>) of
                nomatch -> await_nil(Peer);
                _ -> ok
            end;
        {error, Reason} ->
            error({no_answer, Reason})
    end.

-spec call(raw_peer:peer(), node(), atom(), term()) -> ok | {error, term()}.
call(Peer, Node, Name, Request) ->
    raw_peer:bytes(Peer, call_frame(Peer, Node, Name, Request)).

%% As gen_server:call/2 sends it to a registered process; without the monitor.
-spec call_frame(raw_peer:peer(), node(), atom(), term()) -> binary().
call_frame(Peer, _Node, Name, Request) ->
    Own = raw_peer:pid(Peer, 1),
    raw_peer:frame({6, Own, '', Name}, {'$gen_call', {Own, raw_peer:reference(Peer)}, Request}).

%% ---- the program ----

%% SECONDS, SEED, ATTACKS (names, all if empty) and TERMINAL (yes: one line, updated in place) come from the
%% environment. Ends this BEAM: status 1 if there was a finding, 2 if the node could not even be started.
-spec main() -> no_return().
main() ->
    try
        halt(run(list_to_integer(os:getenv("SECONDS"))))
    catch
        error:Reason:Stack ->
            io:format("~n~tp~n", [{Reason, Stack}]),
            halt(2)
    end.

run(Seconds) ->
    ok = logger:set_primary_config(level, none), % an attack that fails is a finding, told below
    ok = node_case:distribute(),
    Seed = node_case:fresh_seed(),
    io:format("seed ~b (SEED=~b repeats this run)~n", [Seed, Seed]),
    Server = node_case:start(#{arguments => ["--log-level", "none"]}),
    Context = begin_on(Server, random),
    Begin = erlang:monotonic_time(millisecond),
    Chosen = chosen(string:lexemes(os:getenv("ATTACKS", ""), " ")),
    Outcomes = rounds(Context, Chosen, Seed, 1, Begin, Begin + 1000 * Seconds, []),
    io:format("~n~ts~n", [totals(Context, Outcomes)]),
    io:format("~b s~n", [(erlang:monotonic_time(millisecond) - Begin) div 1000]),
    ok = finish(Context),
    Left = length([Outcome || #{findings := [_ | _]} = Outcome <- Outcomes]),
    Status = node_case:stop(Server),
    io:format("the node stopped with status ~b~n", [Status]),
    ok = node_case:clean(),
    case {Left, Status} of {0, 0} -> 0; _ -> 1 end.

chosen([]) -> attacks();
chosen(Names) -> [Attack || {Name, _} = Attack <- attacks(), lists:member(atom_to_list(Name), Names)].

%% A finding that leaves no node to attack is the last.
rounds(Context, Attacks, Seed, N, Begin, End, Outcomes) ->
    Now = erlang:monotonic_time(millisecond),
    case Now < End of
        false ->
            Outcomes;
        true ->
            _ = rand:seed(exsss, {Seed, N, 0}),
            {Name, _} = Attack = pick(Attacks),
            Outcome = attack(Attack, {Seed, N, 1}, Context),
            progress(N, Now - Begin, End - Begin, Outcome),
            _ = [io:format("~nattack ~b ~s: ~0tp~n", [N, Name, Finding])
                 || Finding <- maps:get(findings, Outcome)],
            case is_gone(Outcome) of
                true -> tell_end(Context), [Outcome | Outcomes];
                false -> rounds(Context, Attacks, Seed, N + 1, Begin, End, [Outcome | Outcomes])
            end
    end.

is_gone(#{findings := Findings}) ->
    [] =/= [Finding || Finding <- Findings, Finding =:= gone orelse element(1, Finding) =:= gone].

tell_end(#{server := Server}) ->
    io:format("~ts~n", [lists:join($\n, node_case:lines(Server))]).

progress(N, Ms, All, #{name := Name, worst_us := Worst, memory := Memory}) ->
    case os:getenv("TERMINAL") of
        "yes" -> io:format("\r\e[K\e[?7l~b s of ~b attack ~b ~s: ~b ms at worst, ~b MiB\e[?7h",
                           [Ms div 1000, All div 1000, N, Name, Worst div 1000, Memory]);
        _ -> ok
    end.

%% A table of the attacks, and a line of sums.
-spec totals(context(), [outcome()]) -> unicode:chardata().
totals(#{before := #{memory := Before}} = Context, Outcomes) ->
    Findings = lists:append([Findings || #{findings := Findings} <- Outcomes]),
    Late = most(late_us, Outcomes) / 1000,
    [io_lib:format("~-30s ~8s ~10s ~10s ~10s ~8s~n", ["attack", "times", "worst ms", "busy ms", "late ms", "MiB"]),
     [io_lib:format("~-30s ~8b ~10.1f ~10.1f ~10.1f ~8b~n", [Name, length(Of), most(worst_us, Of) / 1000,
                                                             most(busy_us, Of) / 1000, most(late_us, Of) / 1000,
                                                             most(memory, Of)])
      || {Name, _} <- attacks(), Of <- [[O || #{name := N} = O <- Outcomes, N =:= Name]], Of =/= []],
     io_lib:format("~b attacks, ~b findings; the client: ~b calls, worst ~.1f ms (in which the node "
                   "was running for ~.1f ms at most; the client woke up ~.1f ms late at worst), "
                   "worst median after an attack ~.1f ms; memory before ~b MiB, after ~b MiB",
                   [length(Outcomes), length(Findings), lists:sum([C || #{calls := C} <- Outcomes]),
                    most(worst_us, Outcomes) / 1000, most(busy_us, Outcomes) / 1000, Late,
                    most(after_us, Outcomes) / 1000, Before, memory(Context)])].

most(Key, Outcomes) ->
    lists:max([0 | [maps:get(Key, Outcome) || Outcome <- Outcomes]]).
