%% Results as text: the lines of progress, the goals, the tables of RESULTS.md.
-module(bench_report).

-export([progress/2, goals/1, write/3, text/1, number/1]).

%% Figures in the order of their columns.
-define(COLUMNS, [{rate, "per s"}, {worst_ms, "worst ms"}, {p50_us, "p50 us"}, {p99_us, "p99 us"}, {p999_us, "p99.9 us"},
                  {server_cpu_us, "server CPU us"}, {client_cpu_us, "client CPU us"}, {peak_mb, "peak MB"},
                  {seconds, "seconds"}, {bytes_per_list, "B per list"}, {rss_mb, "resident MB"},
                  {ready_ms, "ready ms"}, {read_ms, "all read ms"}, {journal_mb, "journal MB"}]).
-define(TITLES, [{calls, "`entries` by `GenServer.call`"}, {fast, "`entries` by the module `todo`"},
                 {casts, "`add_entry` casts until on disk"}, {adds, "Acknowledged adds"}, {cache, "Cache look-ups"},
                 {memory, "Memory of idle lists"}, {flood, "Flood of update casts"}, {start, "Start"},
                 {batch, "Batching client in C"}, {growth, "Growth"}, {stall, "Worst call of a good client, while"},
                 {pacing, "Pacing"}]).

%% ---- progress ----

%% Events of bench:run/2. In place: one line that the next one overwrites.
-spec progress(term(), InPlace :: boolean()) -> unicode:chardata().
progress({{measured, {Group, Case, Subject}, Figures, {Round, Rounds}}, Left}, InPlace) ->
    Line = io_lib:format("~s ~b/~b  ~ts  ~ts~ts  (about ~ts left)",
                         [Group, Round, Rounds, text(Case), Subject,
                          [["  ", number(maps:get(Name, Figures)), " ", Unit]
                           || {Name, Unit} <- lists:sublist([C || {N, _} = C <- ?COLUMNS, is_map_key(N, Figures)], 3)],
                          minutes(Left)]),
    in_place(InPlace, Line);
progress({ended, Group, Seconds}, InPlace) ->
    [in_place(InPlace, io_lib:format("~s: ~b s", [Group, Seconds])), ["\n" || InPlace]].

%% Without wrapping at the terminal's edge.
in_place(true, Line) -> ["\r\e[K\e[?7l", Line, "\e[?7h"];
in_place(false, Line) -> [Line, "\n"].

minutes(Seconds) when Seconds >= 90 -> io_lib:format("~b min", [round(Seconds / 60)]);
minutes(Seconds) -> io_lib:format("~b s", [Seconds]).

%% ---- cases and numbers ----

%% Of a case: words first, then numbers with what they count.
-spec text(map()) -> unicode:chardata().
text(Case) ->
    lists:join(", ", [atom_to_list(Word) || {_, Word} <- maps:to_list(Case), is_atom(Word)]
               ++ [[number(Number), " ", counted(Name, Number)]
                   || {Name, Number} <- maps:to_list(Case), is_number(Number)]).

counted(callers, 1) -> "caller";
counted(clients, 1) -> "client";
counted(window, _) -> "in flight";
counted(Name, _) -> atom_to_list(Name).

%% Three digits that say something; thousands apart.
-spec number(number() | none) -> unicode:chardata().
number(none) -> "-";
number(Number) when is_integer(Number); Number >= 100 -> thousands(integer_to_list(round(Number)));
number(Number) when Number >= 10 -> float_to_list(float(Number), [{decimals, 1}]);
number(Number) -> float_to_list(float(Number), [{decimals, 2}]).

thousands(Digits) when length(Digits) > 3 ->
    {Head, Tail} = lists:split(length(Digits) - 3, Digits),
    thousands(Head) ++ [$\s | Tail];
thousands(Digits) ->
    Digits.

%% ---- tables ----

-spec goals(bench_figures:results()) -> unicode:chardata().
goals(Results) ->
    table(["group", "what", "goal", "measured", "met"],
          [[atom_to_list(Group), What, [atom_to_list(Than), " ", number(Limit), " ", Unit],
            number(Value), case Met of true -> "yes"; false -> "**no**" end]
           || #{group := Group, what := What, limit := {Than, Limit}, unit := Unit, value := Value, met := Met}
                  <- bench_goals:compared(Results)]).

group(Group, Results) ->
    Of = [{Case, Subject, Figures} || {{In, Case, Subject}, Figures} <- Results, In =:= Group],
    Columns = [Column || {Name, _} = Column <- ?COLUMNS, lists:any(fun({_, _, F}) -> is_map_key(Name, F) end, Of)],
    table(["case", "subject"] ++ [Title || {_, Title} <- Columns] ++ ["x reference"],
          [[text(Case), atom_to_list(Subject)]
           ++ [number(maps:get(Name, Figures, none)) || {Name, _} <- Columns]
           ++ [number(bench_figures:ratio(maps:get(rate, Figures, none),
                                          bench_figures:figure({Group, Case, reference}, rate, Results)))]
           || {Case, Subject, Figures} <- Of]).

table(Head, Rows) ->
    [row(Head), row(["---" || _ <- Head]), [row(Row) || Row <- Rows]].

row(Cells) ->
    ["| ", lists:join(" | ", Cells), " |\n"].

%% ---- the file ----

%% RESULTS.md and the plots in this folder; the name of the file.
-spec write(file:filename(), bench_figures:results(), map()) -> file:filename().
write(Folder, Results, Options) ->
    File = filename:join(Folder, "RESULTS.md"),
    ok = filelib:ensure_dir(File),
    Plots = bench_plots:write(Folder, Results),
    Groups = [{Title, group(Group, Results)}
              || {Group, Title} <- ?TITLES, lists:any(fun({{In, _, _}, _}) -> In =:= Group end, Results)],
    Text = ["# Results of `make bench`\n\nWritten by it; [README.md](README.md) tells what is measured and how.\n\n",
            facts(Options), "\n## Goals\n\n", goals(Results), [["\n![", Plot, "](", Plot, ")\n"] || Plot <- Plots],
            [["\n## ", Title, "\n\n", Table] || {Title, Table} <- Groups]],
    ok = file:write_file(File, unicode:characters_to_binary(Text)),
    File.

facts(#{root := Root, seconds := Seconds, rounds := Rounds, took := Took, load := Load}) ->
    {{Year, Month, Day}, _} = calendar:local_time(),
    [["- ", Fact, "\n"]
     || Fact <- [bench_proc:machine(), ["OTP ", otp()],
                 ["load average of the machine before it began: ", Load],
                 ["commit ", string:trim(os:cmd("git -C " ++ Root ++ " describe --always --dirty"))],
                 io_lib:format("~b-~2..0b-~2..0b, ~b s in all; medians of ~b rounds of ~ts s each",
                               [Year, Month, Day, Took, Rounds, number(Seconds)])]].

otp() ->
    Release = erlang:system_info(otp_release),
    case file:read_file(filename:join([code:root_dir(), "releases", Release, "OTP_VERSION"])) of
        {ok, Version} -> string:trim(Version);
        {error, _} -> Release
    end.
