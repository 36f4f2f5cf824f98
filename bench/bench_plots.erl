%% Results as pictures, drawn by gnuplot.
-module(bench_plots).

-export([write/2]).

%% The names of the files that there was something to draw for.
-spec write(file:filename(), bench_figures:results()) -> [file:filename()].
write(Folder, Results) ->
    [Name || {Name, Title, X, Y, Lines} <- plots(Results), Drawn <- [[Line || {_, [_, _ | _]} = Line <- Lines]],
             Drawn =/= [], ok <- [draw(filename:join(Folder, Name), Title, X, Y, Drawn)]].

%% Logarithmic: differs by more than a linear axis shows.
plots(Results) ->
    Calls = fun(Figure) ->
                    [{"node", by(callers, {calls, ours}, Figure, Results)},
                     {"reference (BEAM)", by(callers, {calls, reference}, Figure, Results)},
                     {"floor (does nothing)", by(callers, {calls, floor}, Figure, Results)},
                     {"node, fast call", by(callers, {fast, ours}, Figure, Results)}]
            end,
    [{"rate.svg", "entries calls from one BEAM, lists of 10 entries", "callers", {"calls per second", linear},
      Calls(rate)},
     {"cpu.svg", "CPU of the server per call", "callers", {"microseconds", linear},
      Calls(server_cpu_us)},
     {"batch.svg", "from a batching client in C", "requests in flight", {"per second", logarithmic},
      [{"node, calls", by(window, {batch, ours, calls}, rate, Results)},
       {"node, durable adds", by(window, {batch, ours, adds}, rate, Results)},
       {"reference (BEAM), calls", by(window, {batch, reference, calls}, rate, Results)},
       {"floor, calls", by(window, {batch, floor, calls}, rate, Results)}]},
     {"growth.svg", "CPU of the server per operation, when there is more", "how many", {"microseconds", linear},
      [{"entries in the list, calls", by(entries, {growth, ours, entries}, server_cpu_us, Results)},
       {"entries in the list, adds", by(entries, {growth, ours, add_entry}, server_cpu_us, Results)},
       {"lists", by(lists, {growth, ours}, server_cpu_us, Results)},
       {"clients", by(clients, {growth, ours}, server_cpu_us, Results)},
       {"monitors held", by(monitors, {growth, ours}, server_cpu_us, Results)}]}].

%% Of the calls only those on lists of 10 entries. Logarithmic axes have no 0.
by(X, {Group, Subject}, Figure, Results) ->
    points([{maps:get(X, Case), F} || {{G, Case, S}, #{Figure := F}} <- Results, {G, S} =:= {Group, Subject},
                                      is_map_key(X, Case), X =:= entries orelse maps:get(entries, Case, 10) =:= 10]);
by(X, {Group, Subject, Work}, Figure, Results) ->
    points([{maps:get(X, Case), F} || {{G, #{work := W} = Case, S}, #{Figure := F}} <- Results,
                                      {G, S, W} =:= {Group, Subject, Work}, is_map_key(X, Case)]).

points(Points) ->
    [{X, Y} || {X, Y} <- lists:sort(Points), X > 0, Y > 0].

draw(File, Title, X, {Y, Scale}, Lines) ->
    Numbered = lists:enumerate(Lines),
    Script = [["$line", integer_to_list(N), " << EOD\n", [io_lib:format("~b ~f~n", [A, float(B)]) || {A, B} <- Points],
               "EOD\n"] || {N, {_, Points}} <- Numbered],
    Plot = lists:join(", ", [io_lib:format("$line~b with linespoints linewidth 2 title '~ts'", [N, Name])
                             || {N, {Name, _}} <- Numbered]),
    Text = [Script,
            "set terminal svg size 720,400 background '#ffffff' font 'sans,12'\n"
            "set grid\nset key below\nset autoscale xfix\nset format xy '%.0s%c'\n",
            case Scale of linear -> "set logscale x\nset yrange [0:*]\n"; logarithmic -> "set logscale xy\n" end,
            io_lib:format("set output '~ts'~nset title '~ts'~nset xlabel '~ts'~nset ylabel '~ts'~nplot ~ts~n",
                          [File, Title, X, Y, Plot])],
    Input = File ++ ".gnuplot",
    ok = file:write_file(Input, unicode:characters_to_binary(Text)),
    [] = os:cmd("gnuplot " ++ Input),
    file:delete(Input).
