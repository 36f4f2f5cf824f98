%% Round after round: clients work, the node is ended, started again on the same folder, and compared with what was
%% acknowledged. What was found is where the next round begins. The first round in which anything is wrong is the last.
-module(torture_rounds).

-export([run/1]).

%% kill: by SIGKILL; stop: by SIGTERM.
-type ending() :: kill | stop.
%% ending: otherwise chosen at random each time. report: is told each round. damage: done to the folder after each
%% end, for the test of all this.
%% work_ms: the node is ended at a random moment between these.
-type options() :: #{rounds := pos_integer(), folder := file:filename(), seed := integer(), ending => ending(),
                     work_ms => {non_neg_integer(), non_neg_integer()}, report => fun((done()) -> term()),
                     damage => fun((file:filename()) -> term())}.
-type key() :: torture_folder:key().
%% client, ended: another end than it should be. not_started: after the end of a round.
-type finding() :: {value, key(), torture_model:evidence()} | {wrong_answer, map()} | {torn, file:filename()}
                 | {unexpected_file, file:filename()} | {keys, map()} | {client, term()} | {ended, term()}
                 | {not_started, term()}.
%% killed_recovering: how often it was killed again before the start that was let be. recovery_ms: of that one.
-type done() :: #{round := pos_integer(), ending := ending(), acknowledged := non_neg_integer(),
                  in_flight := non_neg_integer(), killed_recovering := non_neg_integer(),
                  recovery_ms := non_neg_integer(), findings := [finding()]}.
-type result() :: {finished | interrupted, [done()]}.
-export_type([options/0, ending/0, finding/0, done/0, result/0]).

-define(CLIENTS, 16).
-define(WORK_MS, {20, 600}).
%% Long enough for lists to expire and to come back.
-define(EXPIRING_MS, {1000, 6000}).
-define(EXPIRING_EVERY, 4).
-define(SMALL_JOURNAL_EVERY, 2).
-define(STOPPED_EVERY, 5).
-define(KILLED_RECOVERING_EVERY, 4).
-define(CLIENT_ENDS_MS, 60000).

-record(state, {options,
                server,        % node_case:server(); none: the last start failed
                expires,       % its idle lists leave the memory
                histories,    % #{Key => torture_model:history()}
                recovery_ms}). % of the last start

%% A message `interrupt' to the caller ends it early. The node has ended then, and its folder is there.
-spec run(options()) -> result().
run(#{seed := Seed, folder := Folder} = Options) ->
    ok = node_case:distribute(),
    _ = rand:seed(exsss, Seed),
    Histories = maps:from_list([{Key, torture_model:new(nil)} || {_, Key} <- torture_folder:keys()]),
    {Server, Expires, Ms} = start(Folder),
    rounds(1, #state{options = Options, server = Server, expires = Expires, histories = Histories, recovery_ms = Ms}, []).

rounds(Number, #state{options = #{rounds := Rounds}, server = Server}, Done) when Number > Rounds ->
    _ = node_case:kill(Server),
    {finished, lists:reverse(Done)};
rounds(Number, #state{options = Options} = State, Done) ->
    case round(Number, State) of
        interrupted ->
            {interrupted, lists:reverse(Done)};
        {This, Next} ->
            _ = (maps:get(report, Options, fun(_) -> ok end))(This),
            case This of
                #{findings := []} ->
                    rounds(Number + 1, Next, [This | Done]);
                _ ->
                    _ = [node_case:kill(Server) || Server <- [Next#state.server], Server =/= none],
                    {finished, lists:reverse([This | Done])}
            end
    end.

round(Number, #state{options = #{seed := Seed} = Options, server = Server, expires = Expires,
                     histories = Histories} = State) ->
    Clients = start_clients(Server, Expires, Histories, {Seed, Number}),
    Ending = maps:get(ending, Options, random_ending()),
    {Least, Most} = maps:get(work_ms, Options, case Expires of true -> ?EXPIRING_MS; false -> ?WORK_MS end),
    Interrupted = interrupted_within(Least + rand:uniform(Most - Least + 1) - 1),
    AtEnd = end_node(Ending, Server),
    {AtClients, Worked} = await_clients(Clients, Ending, Expires),
    case Interrupted of
        true ->
            interrupted;
        false ->
            {Acknowledged, InFlight} = counts(Worked),
            {Done, Next} = started_again(Ending, State#state{histories = Worked}),
            {Done#{round => Number, ending => Ending, acknowledged => Acknowledged, in_flight => InFlight,
                   findings => AtEnd ++ AtClients ++ maps:get(findings, Done)}, Next}
    end.

random_ending() ->
    case rand:uniform(?STOPPED_EVERY) of
        1 -> stop;
        _ -> kill
    end.

interrupted_within(Ms) ->
    receive interrupt -> true after Ms -> false end.

%% ---- clients ----

%% Each key has one writer, another one in each round.
start_clients(Server, Pauses, Histories, Seed) ->
    Shuffled = [Key || {_, Key} <- lists:sort([{rand:uniform(), Key} || Key <- torture_folder:keys()])],
    Dealt = lists:zip([N rem ?CLIENTS || N <- lists:seq(1, length(Shuffled))], Shuffled),
    [torture_client:start(#{server => Server, name => {Seed, N}, seed => erlang:phash2({Seed, N}), pauses => Pauses,
                            keys => [{Kind, Key, maps:get(Key, Histories)} || {Of, {Kind, Key}} <- Dealt, Of =:= N]})
     || N <- lists:seq(0, ?CLIENTS - 1)].

await_clients(Clients, Ending, Expires) ->
    Ends = [receive
                {'DOWN', Monitor, process, Client, End} -> End
            after ?CLIENT_ENDS_MS ->
                    error(client_does_not_end)
            end || {Client, Monitor} <- Clients],
    {lists:append([client_findings(End, Ending, Expires) || End <- Ends]),
     maps:from_list(lists:append([Histories || {worked, _, Histories} <- Ends]))}.

client_findings({worked, {wrong_answer, Answer}, _}, _, _) ->
    [{wrong_answer, Answer}];
client_findings({worked, {exited, Reason}, _}, Ending, Expires) ->
    [{client, Reason} || not is_end(Ending, Reason), not (Expires andalso is_expiry(Reason))];
client_findings(Crash, _, _) ->
    error({client_crashed, Crash}).

%% What a call may exit with; before the node is gone its processes end.
is_end(_, noconnection) -> true;
is_end(_, {nodedown, _}) -> true;
is_end(stop, shutdown) -> true;
is_end(stop, noproc) -> true;
is_end(_, _) -> false.

%% A disk so slow that the node does not read its sockets for a while: what comes then may come too late.
is_expiry(noproc) -> true;
is_expiry(normal) -> true;
is_expiry(_) -> false.

counts(Histories) ->
    lists:foldl(fun(History, {Acknowledged, InFlight}) ->
                        {A, I} = torture_model:counts(History),
                        {Acknowledged + A, InFlight + I}
                end, {0, 0}, maps:values(Histories)).

%% ---- the end and the next start ----

start(Folder) ->
    From = erlang:monotonic_time(millisecond),
    Expires = one_in(?EXPIRING_EVERY),
    Server = launch(Folder, Expires),
    ok = node_case:ready(Server),
    {Server, Expires, erlang:monotonic_time(millisecond) - From}.

%% Other workers each time; a journal so small that values are written to their files under load.
launch(Folder, Expires) ->
    node_case:launch(#{folder => Folder, arguments =>
                           ["--workers", integer_to_list(rand:uniform(5))]
                           ++ lists:append([["--expire", "1"] || Expires]
                                           ++ [["--journal-limit", "1"] || one_in(?SMALL_JOURNAL_EVERY)])}).

one_in(N) ->
    rand:uniform(N) =:= 1.

end_node(Ending, Server) ->
    Lines = node_case:lines(Server),
    case {Ending, end_status(Ending, Server)} of
        {kill, 137} -> [];
        {stop, 0} -> [];
        {_, Status} -> [{ended, #{by => Ending, status => Status, lines => Lines}}]
    end.

end_status(kill, Server) -> node_case:kill(Server);
end_status(stop, Server) -> node_case:stop(Server).

%% The round is complete but for what was known before.
started_again(Ending, #state{options = #{folder := Folder} = Options, histories = Histories} = State) ->
    ok = torture_folder:keep(Folder),
    {AtFolder, Stopped} = check_stopped(Ending, Folder, Histories),
    _ = (maps:get(damage, Options, fun(_) -> ok end))(Folder),
    Torn = torn(Folder),
    {Again, AtRecovery} = killed_recovering(Ending, State),
    {AtStart, Ms, Next} = checked_start(State#state{histories = Stopped}),
    {#{killed_recovering => Again, recovery_ms => Ms, findings => AtFolder ++ Torn ++ AtRecovery ++ AtStart}, Next}.

checked_start(#state{options = #{folder := Folder}, histories = Histories} = State) ->
    try start(Folder) of
        {Server, Expires, Ms} ->
            {Findings, Base} = check_node(Server, Histories),
            {Findings, Ms, State#state{server = Server, expires = Expires, histories = Base, recovery_ms = Ms}}
    catch
        error:{not_started, Why} ->
            {[{not_started, Why}], 0, State#state{server = none}}
    end.

%% Once or more often, now and then.
killed_recovering(stop, _) ->
    {0, []};
killed_recovering(kill, State) ->
    case rand:uniform(?KILLED_RECOVERING_EVERY) of
        1 -> kill_recovering(rand:uniform(3), State);
        _ -> {0, []}
    end.

kill_recovering(Times, #state{options = #{folder := Folder}, recovery_ms = Ms}) ->
    {Times, lists:append([begin
                              Server = launch(Folder, false),
                              receive after rand:uniform(Ms + 1) - 1 -> ok end,
                              end_node(kill, Server) ++ torn(Folder)
                          end || _ <- lists:seq(1, Times)])}.

%% ---- what is there ----

torn(Folder) ->
    [{torn, Name} || Name <- torture_folder:torn(Folder)].

%% After SIGTERM the folder alone says everything.
check_stopped(kill, _, Histories) ->
    {[], Histories};
check_stopped(stop, Folder, Histories) ->
    {Contents, Others} = torture_folder:contents(Folder),
    {Findings, Base} = verdicts(fun(Key) -> maps:get(Key, Contents, nil) end, Histories),
    {[{unexpected_file, Name} || Name <- Others] ++ Findings, Base}.

check_node(Server, Histories) ->
    Database = node_case:database(Server),
    case verdicts(fun(Key) -> gen_server:call(Database, {get, Key}) end, Histories) of
        {[], Base} ->
            There = [Key || {Key, History} <- maps:to_list(Base), torture_model:value(History) =/= nil],
            Lists = [check_list(Server, Key, maps:get(Key, Base)) || {list, Key} <- torture_folder:keys()],
            {check_keys(lists:sort(There), lists:sort(gen_server:call(Database, keys))) ++ lists:append(Lists), Base};
        Wrong ->
            Wrong
    end.

verdicts(Read, Histories) ->
    maps:fold(fun(Key, History, {Findings, Base}) ->
                      Found = Read(Key),
                      case torture_model:verdict(Found, History) of
                          {ok, New} -> {Findings, Base#{Key => New}};
                          {wrong, Evidence} ->
                              {[{value, Key, Evidence} | Findings], Base#{Key => torture_model:new(Found)}}
                      end
              end, {[], #{}}, Histories).

%% The list's server tells what the database told.
check_list(Server, Key, History) ->
    Pid = node_case:list(Server, Key),
    {Expected, _, _} = torture_model:asked(entries, History),
    [{wrong_answer, #{key => Key, request => Request, expected => Answer, answer => Found}}
     || {Request, Answer} <- [{entries, Expected}, {size, length(Expected)}],
        Found <- [gen_server:call(Pid, Request)], Found =/= Answer].

check_keys(Keys, Keys) -> [];
check_keys(Expected, Found) -> [{keys, #{missing => Expected -- Found, unexpected => Found -- Expected}}].
