%% `make torture': the rounds as a program, told line by line.
-module(torture).

-behaviour(gen_event).

-export([main/0, totals/1]).
-export([init/1, handle_event/2, handle_call/2]).

-define(DEPTH, 100).

%% ROUNDS, SEED and TERMINAL (yes: one line, updated in place) come from the environment. Ends this BEAM; the status is
%% 1 if anything was wrong, 2 if the node could not even be started or ended, 130 after SIGTERM to this BEAM.
-spec main() -> no_return().
main() ->
    Folder = node_case:folder(),
    try
        halt(torture(Folder))
    catch
        error:Reason:Stack ->
            io:format("~n~tp~nkept: ~ts~n", [{Reason, Stack}, Folder]),
            halt(2)
    end.

torture(Folder) ->
    ok = io:setopts([{encoding, unicode}]),
    ok = node_case:distribute(),
    ok = gen_event:swap_handler(erl_signal_server, {erl_signal_handler, []}, {?MODULE, self()}),
    Rounds = list_to_integer(os:getenv("ROUNDS")),
    Seed = node_case:fresh_seed(),
    io:format("seed ~b (SEED=~b repeats this run)~n", [Seed, Seed]),
    Terminal = os:getenv("TERMINAL") =:= "yes",
    Report = fun(Done) -> io:put_chars(in_place(Terminal, round_line(Rounds, Done))) end,
    {_, Done} = Result = torture_rounds:run(#{rounds => Rounds, folder => Folder, seed => Seed, report => Report}),
    Terminal andalso io:nl(),
    io:format("~ts~n", [totals(Result)]),
    case findings(Done) of
        [] ->
            ok = node_case:clean(),
            case Result of {finished, _} -> 0; {interrupted, _} -> 130 end;
        Findings ->
            tell(Findings, Folder),
            1
    end.

findings(Rounds) ->
    lists:append([Findings || #{findings := Findings} <- Rounds]).

tell(Findings, Folder) ->
    File = Folder ++ ".findings",
    Text = [io_lib:format("~tp.~n", [Finding]) || Finding <- Findings],
    ok = file:write_file(File, unicode:characters_to_binary(Text)),
    ok = lists:foreach(fun tell/1, Findings),
    io:format("~nkept: ~ts, as the node left it when it ended: ~ts, all of what was found: ~ts~n",
              [Folder, torture_folder:kept(Folder), File]).

%% What is longer is in the file.
tell({value, Key, #{problems := Problems, expected := Expected, found := Found, in_flight := InFlight}}) ->
    io:format("~nkey ~tP: ~tP~n  expected ~tP~n  found ~tP~n  in flight ~tP~n",
              lists:append([[Term, ?DEPTH] || Term <- [Key, Problems, Expected, Found, InFlight]]));
tell(Finding) ->
    io:format("~n~tP~n", [Finding, ?DEPTH]).

%% Without wrapping at the terminal's edge.
in_place(true, Line) -> ["\r\e[K\e[?7l", Line, "\e[?7h"];
in_place(false, Line) -> [Line, "\n"].

round_line(Rounds, #{round := Round, ending := Ending, acknowledged := Acknowledged, in_flight := InFlight,
                     killed_recovering := Again, recovery_ms := Ms, findings := Findings}) ->
    io_lib:format("round ~b/~b ~s acknowledged ~b in flight ~b ~s recovery ~b ms~s",
                  [Round, Rounds, Ending, Acknowledged, InFlight, wrong(Findings), Ms,
                   [io_lib:format(", killed ~b times before", [Again]) || Again > 0]]).

%% One line.
-spec totals(torture_rounds:result()) -> unicode:chardata().
totals({How, Rounds}) ->
    Recovery = lists:sort([Ms || #{recovery_ms := Ms} <- Rounds]),
    io_lib:format("~s: rounds ~b (~b by SIGTERM, ~b killed again while recovering) acknowledged ~b in flight ~b ~s "
                  "recovery median ~b ms max ~b ms",
                  [How, length(Rounds), length([R || #{ending := stop} = R <- Rounds]),
                   length([R || #{killed_recovering := Again} = R <- Rounds, Again > 0]),
                   sum(acknowledged, Rounds), sum(in_flight, Rounds), wrong(findings(Rounds)),
                   median(Recovery), lists:max([0 | Recovery])]).

median([]) -> 0;
median(Sorted) -> lists:nth((length(Sorted) + 1) div 2, Sorted).

sum(What, Rounds) ->
    lists:sum([maps:get(What, Round) || Round <- Rounds]).

%% Entries and values without an acknowledged change; files; everything else.
wrong(Findings) ->
    Missing = lists:sum([missing(Finding) || Finding <- Findings]),
    Torn = length([Name || {torn, Name} <- Findings]),
    Other = length([F || F <- Findings, missing(F) =:= 0, element(1, F) =/= torn]),
    io_lib:format("missing ~b torn ~b~s", [Missing, Torn, [io_lib:format(" other ~b", [Other]) || Other > 0]]).

missing({value, _, #{problems := Problems}}) ->
    lists:sum([case Of of value -> 1; _ -> length(Of) end
               || {Kind, Of} <- Problems, lists:member(Kind, [missing, stale, resurrected])]);
missing(_) ->
    0.

%% ---- SIGTERM to this BEAM: instead of the handler that would stop it at once ----

-spec init({pid(), term()}) -> {ok, pid()}.
init({Main, _}) ->
    {ok, Main}.

-spec handle_event(atom(), pid()) -> {ok, pid()}.
handle_event(sigterm, Main) ->
    Main ! interrupt,
    {ok, Main};
handle_event(_, Main) ->
    {ok, Main}.

-spec handle_call(term(), pid()) -> {ok, ok, pid()}.
handle_call(_, Main) ->
    {ok, ok, Main}.
