%% `make bench' in a tiny form, so that it works when it is wanted; and its arithmetic.
-module(bench_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

all() ->
    [every_program_is_measured_and_ends, disk_and_memory_are_measured, wrong_answer_raises_and_all_end,
     quantiles_of_known_numbers, medians_of_rounds, rounds_are_in_turn, ratio_and_spread,
     goals_compare_what_was_measured, line_of_the_c_client].

init_per_suite(Config) ->
    ok = node_case:distribute(),
    {0, _} = beam_case:shell("make --silent build/bench/floor build/bench/batch_client", []),
    Modules = filename:join(?config(priv_dir, Config), "modules"),
    ok = filelib:ensure_dir(filename:join(Modules, ".")),
    _ = [{ok, _} = compile:file(File, [report, warnings_as_errors, debug_info, {outdir, Modules}])
         || File <- filelib:wildcard(filename:join(beam_case:root(), "bench/*.erl"))],
    true = code:add_patha(Modules),
    [{modules, [Modules, filename:dirname(code:which(todo))]} | Config].

end_per_suite(Config) ->
    true = code:del_path(hd(?config(modules, Config))),
    node_case:clean().

options(Config) ->
    Self = self(),
    #{folder => node_case:folder(), root => beam_case:root(), modules => ?config(modules, Config), cookie => "cookie",
      seconds => 0.1, rounds => 1, flood => 2000, report => fun(Event) -> Self ! {event, Event} end,
      sizes => [{10, 4}], callers => [1, 4], casts => [{10, 4, 1000, 20}], flooded => {10, 20},
      idle => [{ours, 5, 100}, {reference, 5, 100}], started => 50, journalled => 1000, windows => [1, 64],
      batch_lists => {10, 4, "bench-"}, growth_entries => [10, 1000], growth_lists => [10, 100],
      growth_clients => [1, 4], growth_monitors => [0, 100], stall_lists => 100, stall_entries => 100,
      stall_monitors => 100, stall_clients => 4, stall_stopped => 100, stall_checkpointed => 100, stall_after_ms => 10,
      many_names => 200, took => 1, load => "0.00"}.

%% Nothing that a run has started is there afterwards.
left(#{folder := Folder, modules := [Modules | _]}) ->
    [Pid || Pid <- element(2, file:list_dir("/proc")),
            {ok, Line} <- [file:read_file(filename:join(["/proc", Pid, "cmdline"]))],
            binary:match(Line, [unicode:characters_to_binary(Name) || Name <- [Folder, Modules]]) =/= nomatch].

run(Groups, Options) ->
    Results = bench:run(Groups, Options),
    node_case:await(fun() -> left(Options) =:= [] end),
    ?assertEqual([], [Name || Name <- element(2, file:list_dir(maps:get(folder, Options))), Name =/= "cookie"]),
    Results.

every_program_is_measured_and_ends(Config) ->
    Options = options(Config),
    Results = run([calls, fast, adds, cache, batch, pacing], Options),
    [?assertMatch(#{rate := Rate, p50_us := P50, p99_us := P99, server_cpu_us := Cpu}
                    when Rate > 0 andalso P50 > 0 andalso P50 =< P99 andalso Cpu > 0,
                  proplists:get_value({Group, Case, Subject}, Results), {Group, Case, Subject})
     || {Group, Case, Subjects} <- [{calls, #{callers => 4, entries => 10}, [ours, reference, floor]},
                                    {fast, #{callers => 4, entries => 10}, [ours, reference, 'reference, alias']},
                                    {adds, #{callers => 4, work => add_entry}, [ours]},
                                    {cache, #{work => new}, [ours, reference]},
                                    {batch, #{work => calls, window => 64}, [ours, reference, floor]},
                                    {batch, #{work => adds, window => 64}, [ours]}],
        Subject <- Subjects],
    File = bench_report:write(filename:join(?config(priv_dir, Config), "results"), Results, Options),
    {ok, Text} = file:read_file(File),
    [?assertNotEqual(nomatch, string:find(Text, Part), Part)
     || Part <- ["| 4 callers, 10 entries | ours | ", "| 4 callers, 10 entries | reference | ", "rate.svg"]],
    ?assertMatch({ok, <<"<?xml", _/binary>>}, file:read_file(filename:join(filename:dirname(File), "rate.svg"))).

disk_and_memory_are_measured(Config) ->
    Results = run([casts, memory, flood, start, growth, stall], options(Config)),
    [?assertMatch(#{Figure := Number} when Number > 0, proplists:get_value(Key, Results), Key)
     || {Key, Figure} <- [{{casts, #{entries => 10}, ours}, rate}, {{casts, #{entries => 10}, reference}, rate},
                          {{memory, #{lists => 100, entries => 5}, reference}, bytes_per_list},
                          {{flood, #{casts => 2000}, ours}, peak_mb},
                          {{start, #{work => 'clean stop', lists => 50}, ours}, ready_ms},
                          {{start, #{work => 'clean stop', lists => 50}, reference}, read_ms},
                          {{start, #{work => 'kill -9'}, ours}, journal_mb},
                          {{growth, #{entries => 1000, work => add_entry}, ours}, server_cpu_us},
                          {{growth, #{clients => 4}, ours}, server_cpu_us},
                          {{growth, #{monitors => 100}, ours}, server_cpu_us}]
             ++ [{{stall, #{work => Work}, ours}, worst_ms}
                 || Work <- ['nothing', 'lists created', 'entries added to one list', 'watched process dies',
                             'watching node is lost', 'clients come and go', 'cache stops', 'checkpoint of a list']]].

%% The client expects two entries of each list; these have more.
wrong_answer_raises_and_all_end(Config) ->
    Options = options(Config),
    ?assertError({{badmatch, 10}, _}, measured_wrongly(Options)),
    ?assertNotEqual([], left(Options)),
    ok = bench_subject:discard_all(Options),
    node_case:await(fun() -> left(Options) =:= [] end).

measured_wrongly(Options) ->
    [Client, Ours] = bench_lists:start([client, ours], Options),
    ok = bench_lists:filled(Client, [Ours], {10, 1}, 10),
    Work = #{work => {entries, bench_lists:kept(Ours, 10), 2}, callers => 1},
    (bench_lists:measure(Client, Ours, Work, Options))().

%% ---- arithmetic ----

quantiles_of_known_numbers(_Config) ->
    Histogram = bench_histogram:new(),
    _ = [ok = bench_histogram:add(Histogram, N * 1000) || N <- lists:seq(1, 1000)],
    ?assertEqual(1000, bench_histogram:count(Histogram)),
    [?assert(abs(bench_histogram:quantile(Histogram, Part) - Exact) =< Exact / 128, {Part, Exact})
     || {Part, Exact} <- [{0, 1000}, {0.5, 500000}, {0.99, 990000}, {0.999, 999000}, {1, 1000000}]],
    Small = bench_histogram:new(),
    _ = [ok = bench_histogram:add(Small, N) || N <- [0, 3, 255]],
    ?assertEqual([0, 3, 255], [bench_histogram:quantile(Small, Part) || Part <- [0.3, 0.6, 1]]),
    ok = bench_histogram:add(Small, 1 bsl 62),
    ?assert(bench_histogram:quantile(Small, 1) > 1 bsl 40).

medians_of_rounds(_Config) ->
    ?assertEqual(3, bench_figures:median([5, 1, 3])),
    ?assertEqual(2.0, bench_figures:median([3, 1])),
    Key = {g, #{}, ours},
    Other = {g, #{}, reference},
    Rounds = [{Key, #{rate => Rate, p50_us => Rate * 10}} || Rate <- [3, 2, 1]],
    ?assertEqual([{Other, #{rate => 7}}, {Key, #{rate => 2, p50_us => 20}}],
                 bench_figures:medians([{Other, #{rate => 7}} | Rounds])).

rounds_are_in_turn(_Config) ->
    Self = self(),
    Turn = fun(Name) -> {Name, fun() -> Self ! Name, #{} end} end,
    Options = #{rounds => 2, report => fun(_) -> ok end},
    Measured = bench_figures:in_turn(g, [{#{callers => N}, [Turn(a), Turn(b)]} || N <- [1, 2]], Options),
    ?assertEqual([{N, Name} || _ <- [1, 2], N <- [1, 2], Name <- [a, b]],
                 [{N, Name} || {{g, #{callers := N}, Name}, #{}} <- Measured]),
    ?assertEqual([a, b, a, b, a, b, a, b],
                 [receive Name when is_atom(Name) -> Name after 0 -> none end || _ <- Measured]).

ratio_and_spread(_Config) ->
    ?assertEqual([2.0, none, none, none],
                 [bench_figures:ratio(A, B) || {A, B} <- [{4, 2}, {4, 0}, {none, 1}, {1, none}]]),
    ?assertEqual(3.0, bench_figures:spread([2, none, 6])),
    ?assertEqual(none, bench_figures:spread([none, 0])).

goals_compare_what_was_measured(_Config) ->
    Calls = fun(Rate, Cpu) -> #{rate => Rate, server_cpu_us => Cpu, p50_us => 1, p99_us => 1} end,
    Results = [{{calls, #{callers => 16, entries => 10}, ours}, Calls(96, 5)},
               {{calls, #{callers => 16, entries => 10}, reference}, Calls(100, 10)}],
    ?assertEqual([{"16 callers: rate", 0.96, true}, {"16 callers: server CPU per call", 0.5, false}],
                 [{What, Value, Met} || #{what := What, value := Value, met := Met} <- bench_goals:compared(Results)]),
    ?assertEqual([], bench_goals:compared([])).

line_of_the_c_client(_Config) ->
    ?assertEqual(#{operations => 30, rate => 10.5, p50_us => 3, p99_us => 4.0, p999_us => 5.0, client_cpu_us => 0.25},
                 bench_batch:read("work=calls window=1024 seconds=3.00 operations=30 rate=10.5 p50_us=3 p99_us=4.0 "
                                  "p999_us=5.0 client_cpu_us=0.25\n")).
