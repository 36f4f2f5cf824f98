%% Group: what an idle list takes of the memory of the process that serves it.
-module(bench_memory).

-export([memory/1]).

-import(bench_lists, [start/2, listed/3, filled/4]).

%% Of the reference, lists that were given their entries at once.
-define(LISTS, [{ours, 0, 100000}, {ours, 5, 20000}, {ours, 0, 1000000},
                {reference, 0, 20000}, {reference, 5, 20000}]).
-define(QUIET_MS, 500).
-define(QUIET_MS_MAX, 20000).

%% Once: memory hardly depends on the load of the machine. Each case has a subject of its own.
-spec memory(bench:options()) -> [bench_figures:measured()].
memory(Options) ->
    [Client] = start([client], Options),
    Cases = [{#{lists => Count, entries => Size}, [{Kind, memory(Client, Kind, {Size, Count}, Options)}]}
             || {Kind, Size, Count} <- maps:get(idle, Options, ?LISTS)],
    bench_figures:in_turn(memory, Cases, Options#{rounds := 1}).

memory(Client, Kind, {Size, Count} = Lists, Options) ->
    fun() ->
            [#{os_pid := OsPid} = Subject] = start([Kind], Options),
            Before = bench_proc:rss_bytes(OsPid),
            case {Kind, Size} of
                {ours, 0} -> ok = bench_batch:create(Subject, Count, Options);
                {_, 0} -> ok = listed(Client, [Subject], Lists);
                _ -> ok = filled(Client, [Subject], Lists, 0)
            end,
            ok = collected(Subject),
            After = settled(OsPid),
            Peak = bench_proc:peak_bytes(OsPid),
            ok = bench_subject:kill(Subject),
            #{bytes_per_list => (After - Before) / Count, rss_mb => After / 1.0e6, peak_mb => Peak / 1.0e6}
    end.

%% The garbage of a BEAM is not what its lists need.
collected(#{kind := reference} = Subject) ->
    Pids = bench_subject:call(Subject, erlang, processes, []),
    bench_subject:call(Subject, lists, foreach, [fun erlang:garbage_collect/1, Pids]);
collected(_) ->
    ok.

%% What is resident once the process has had nothing to do for a while: what was written goes on to files.
settled(OsPid) ->
    settled(OsPid, bench_proc:cpu_ns(OsPid), erlang:monotonic_time(millisecond) + ?QUIET_MS_MAX).

settled(OsPid, Cpu, Deadline) ->
    receive after ?QUIET_MS -> ok end,
    case bench_proc:cpu_ns(OsPid) of
        Now when Now - Cpu > ?QUIET_MS * 1000000 div 100 ->
            case erlang:monotonic_time(millisecond) < Deadline of
                true -> settled(OsPid, Now, Deadline);
                false -> bench_proc:rss_bytes(OsPid)
            end;
        _ ->
            bench_proc:rss_bytes(OsPid)
    end.
