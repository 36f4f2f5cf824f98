%% `make bench': measures the program, the reference and the floor in turn, and writes what came out.
-module(bench).

-export([main/0, run/2, groups/0]).

-export_type([options/0]).

%% seconds: of each measurement; flood: casts; report: is told what goes on. Other keys make a group smaller than it is,
%% for the suite; each is described where it is used.
-type options() :: #{folder := file:filename(), root := file:filename(), modules := [file:filename()],
                     cookie := string(), seconds := number(), rounds := pos_integer(), flood := pos_integer(),
                     report := fun((term()) -> term()), atom() => term()}.

%% In this order, with the seconds that they take by default on a machine of 2 cores.
-define(GROUPS, [{calls, fun bench_calls:calls/1, 70}, {fast, fun bench_calls:fast/1, 55},
                 {casts, fun bench_disk:casts/1, 60}, {adds, fun bench_calls:adds/1, 20},
                 {cache, fun bench_calls:cache/1, 20}, {memory, fun bench_memory:memory/1, 70},
                 {flood, fun bench_disk:flood/1, 15}, {start, fun bench_disk:start/1, 80},
                 {batch, fun bench_batch:batch/1, 65}, {growth, fun bench_growth:growth/1, 120},
                 {stall, fun bench_stall:stall/1, 150},
                 {pacing, fun bench_calls:pacing/1, 25}]).
-define(SECONDS, 0.4).
-define(ROUNDS, 5).

-spec groups() -> [atom()].
groups() ->
    [Name || {Name, _, _} <- ?GROUPS].

%% Measures these groups. All processes that it has started have ended when it returns, or raises.
-spec run([atom()], options()) -> bench_figures:results().
run(Names, Options) ->
    Groups = [lists:keyfind(Name, 1, ?GROUPS) || Name <- Names],
    bench_figures:medians(groups(Groups, Options)).

groups([], _) ->
    [];
groups([{Name, Fun, Nominal} | Groups], #{report := Report} = Options) ->
    Begin = erlang:monotonic_time(second),
    Later = lists:sum([Seconds || {_, _, Seconds} <- Groups]),
    Told = fun(Event) -> Report({Event, left(Begin, Nominal, Later, Options)}) end,
    Measured = try
                   Fun(Options#{report := Told})
               after
                   bench_subject:discard_all(Options)
               end,
    _ = Report({ended, Name, erlang:monotonic_time(second) - Begin}),
    Measured ++ groups(Groups, Options).

%% Seconds, roughly.
left(Begin, Nominal, Later, #{seconds := Seconds, rounds := Rounds}) ->
    Scale = 0.4 + 0.6 * Seconds * Rounds / (?SECONDS * ?ROUNDS),
    Elapsed = erlang:monotonic_time(second) - Begin,
    round(max(1, Nominal * Scale - Elapsed) + Later * Scale).

%% ---- the program ----

%% WORK (groups; all of them), SECONDS_EACH, ROUNDS, FLOOD, BENCH_ROOT, BENCH_FOLDER, BENCH_RESULTS (where to write) and
%% TERMINAL (yes: one line, updated in place) come from the environment. Ends this BEAM, with status 1 after an error, 2
%% if it does not know what to do.
-spec main() -> no_return().
main() ->
    try
        ok = io:setopts([{encoding, unicode}]),
        Options = options(),
        Names = chosen(),
        {Begin, Load} = {erlang:monotonic_time(second), bench_proc:load()},
        Results = run(Names, Options),
        Took = erlang:monotonic_time(second) - Begin,
        io:put_chars([bench_report:goals(Results), "\n"]),
        File = bench_report:write(os:getenv("BENCH_RESULTS"), Results, Options#{took => Took, load => Load}),
        io:format("~b s, tables in ~ts~n", [Took, File]),
        halt(0)
    catch
        throw:Words ->
            io:format("~ts~n", [Words]),
            halt(2);
        error:Reason:Stack ->
            io:format("~n~tp~n", [{Reason, Stack}]),
            halt(1)
    end.

options() ->
    Terminal = os:getenv("TERMINAL") =:= "yes",
    #{folder => os:getenv("BENCH_FOLDER"), root => os:getenv("BENCH_ROOT"),
      modules => [filename:dirname(code:which(?MODULE))],
      cookie => "bench" ++ integer_to_list(rand:uniform(1 bsl 64), 36),
      seconds => number("SECONDS_EACH", ?SECONDS), rounds => round(number("ROUNDS", ?ROUNDS)),
      flood => round(number("FLOOD", 1000000)),
      report => fun(Event) -> io:put_chars(bench_report:progress(Event, Terminal)) end}.

number(Name, Default) ->
    case os:getenv(Name, "") of
        "" -> Default;
        Text ->
            case string:to_float(Text) of
                {error, no_float} -> list_to_integer(Text);
                {Number, ""} -> Number
            end
    end.

chosen() ->
    case string:lexemes(os:getenv("WORK", ""), " ,") of
        [] -> groups();
        Words -> [known(Word) || Word <- Words]
    end.

known(Word) ->
    case [Name || Name <- groups(), atom_to_list(Name) =:= Word] of
        [Name] -> Name;
        [] -> throw(["bench: WORK knows ", lists:join(" ", [atom_to_list(Name) || Name <- groups()]), ", not ", Word])
    end.
