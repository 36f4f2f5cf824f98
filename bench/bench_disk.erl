%% Groups about what goes to disk: casts until they are there, a flood of them, starting on what is there.
-module(bench_disk).

-export([casts/1, flood/1, start/1]).

-import(bench_lists, [start/2, listed/3, filled/4, kept/2]).

%% Entries in a list, lists, casts to ours, casts to the reference, which is slow.
-define(CASTS, [{10, 100, 150000, 3000}, {1000, 100, 150000, 1000}, {10000, 20, 150000, 60}]).
-define(FLOODED, {10, 1000}). % entries in a list, lists
-define(STARTED, 10000).
-define(READERS, 16).
-define(JOURNALLED, 500000). % adds
-define(JOURNALLED_LISTS, 1000).

%% One process casts adds; the time ends when all of them are written, by ours with fdatasync.
-spec casts(bench:options()) -> [bench_figures:measured()].
casts(Options) ->
    [Client, Ours, Reference] = start([client, ours, reference], Options),
    Cases = [begin
                 ok = filled(Client, [Ours, Reference], {Size, Lists}, 0),
                 {#{entries => Size}, [{ours, casts(Client, Ours, Size, ToOurs)},
                                       {reference, casts(Client, Reference, Size, ToReference)}]}
             end || {Size, Lists, ToOurs, ToReference} <- maps:get(casts, Options, ?CASTS)],
    bench_figures:in_turn(casts, Cases, Options).

casts(Client, #{os_pid := Server} = Subject, Size, Count) ->
    fun() ->
            bench_subject:call(Client, bench_client, casts,
                               [#{lists => kept(Subject, Size), count => Count, server => Server}])
    end.

%% Updates as fast as one process can send them; then kill -9, and every entry must have its last value.
-spec flood(bench:options()) -> [bench_figures:measured()].
flood(#{flood := Count} = Options) ->
    [Client, Ours] = start([client, ours], Options),
    {Entries, _} = Lists = maps:get(flooded, Options, ?FLOODED),
    ok = filled(Client, [Ours], Lists, 0),
    #{os_pid := Server} = Ours,
    Updates = #{count => Count, entries => Entries},
    Flood = fun() ->
                    Figures = bench_subject:call(Client, bench_client, updates, [kept(Ours, Entries), Updates, Server]),
                    ok = bench_subject:kill(Ours),
                    Again = bench_subject:restart(Ours, Options),
                    ok = listed(Client, [Again], Lists),
                    ok = bench_subject:call(Client, bench_client, check_updates, [kept(Again, Entries), Updates]),
                    Figures
            end,
    bench_figures:in_turn(flood, [{#{casts => Count}, [{ours, Flood}]}], Options#{rounds := 1}).

%% After a clean stop, with as many lists; and after kill -9, with journals to read. Ready: calls are answered.
-spec start(bench:options()) -> [bench_figures:measured()].
start(Options) ->
    [Client, Ours, Reference, Killed] = start([client, ours, reference, ours], Options),
    Count = maps:get(started, Options, ?STARTED),
    ok = filled(Client, [Ours, Reference], {1, Count}, 0),
    ok = lists:foreach(fun bench_subject:stop/1, [Ours, Reference]),
    ok = journalled(Client, Killed, Options),
    Cases = [{#{work => 'clean stop', lists => Count}, [{ours, restart(Client, Ours, Count, Options)},
                                       {reference, restart(Client, Reference, Count, Options)}]},
             {#{work => 'kill -9'}, [{ours, recovery(Killed, Options)}]}],
    bench_figures:in_turn(start, Cases, Options).

restart(Client, Subject, Count, Options) ->
    fun() ->
            #{node := Node, ready_ms := Ready} = Again = bench_subject:restart(Subject, Options),
            Read = bench_subject:call(Client, bench_client, read_all, [Node, {"size-1-", Count}, ?READERS]),
            ok = bench_subject:stop(Again),
            #{ready_ms => Ready, read_ms => Read}
    end.

%% Killed as soon as the adds are written, before much of them has gone to the lists' files.
journalled(Client, Killed, Options) ->
    ok = listed(Client, [Killed], {0, ?JOURNALLED_LISTS}),
    Casts = casts(Client, Killed, 0, maps:get(journalled, Options, ?JOURNALLED)),
    _ = Casts(),
    bench_subject:kill(Killed).

%% On a copy each time, for a start leaves no journals. journal_mb: without what was only preallocated.
recovery(#{folder := Folder} = Killed, Options) ->
    fun() ->
            Copy = Folder ++ ".copy",
            [] = os:cmd(lists:concat(["cp -a --sparse=always ", Folder, " ", Copy])),
            Bytes = lists:sum([list_to_integer(Line) * 512
                               || Line <- string:lexemes(os:cmd("stat -c %b " ++ Copy ++ "/.journal-*"), "\n")]),
            #{ready_ms := Ready} = Again = bench_subject:restart(Killed#{folder := Copy}, Options),
            ok = bench_subject:kill(Again),
            ok = file:del_dir_r(Copy),
            #{ready_ms => Ready, journal_mb => Bytes / 1.0e6}
    end.
