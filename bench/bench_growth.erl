%% Group: what an operation costs when there is more of everything. Each axis must stay flat.
-module(bench_growth).

-export([growth/1]).

-import(bench_lists, [start/2, listed/3, filled/4, kept/2, measure/4]).

-define(CALLERS, 16).
-define(RETURNED, 2). % the same for all sizes
-define(ENTRIES, [10, 100, 1000, 10000, 100000, 1000000]).
-define(LISTS, [10, 1000, 100000, 1000000]).
-define(CLIENTS, [1, 10, 50, 200]).
-define(MONITORS, [0, 1000, 100000, 1000000]).
-define(FEW, {10, 100, "bench-"}). % entries in a list, lists: where neither is what grows

-spec growth(bench:options()) -> [bench_figures:measured()].
growth(Options) ->
    lists:append([Axis(Options) || Axis <- [fun entries/1, fun lists/1, fun clients/1, fun monitors/1]]).

%% Entries in the list: a call that returns two of them, and an acknowledged add.
entries(Options) ->
    [Client, Ours] = Started = start([client, ours], Options),
    Sizes = maps:get(growth_entries, Options, ?ENTRIES),
    ok = lists:foreach(fun(Size) -> ok = filled(Client, [Ours], {Size, 1}, ?RETURNED) end, Sizes),
    Measured =
        bench_figures:in_turn(growth,
                              [{#{entries => Size, work => Name},
                                [{ours, measure(Client, Ours, #{work => Work, callers => ?CALLERS}, Options)}]}
                               || Size <- Sizes,
                                  {Name, Work} <- [{entries, {entries, kept(Ours, Size), ?RETURNED}},
                                                   {add_entry, {add, kept(Ours, Size)}}]], Options),
    ok = lists:foreach(fun bench_subject:kill/1, Started),
    Measured.

%% Lists on the node, all of them asked in turn. They never get fewer, so that these cases are not in turn.
lists(Options) ->
    [Client, Ours] = Started = start([client, ours], Options),
    Measured = [begin
                    ok = listed(Client, [Ours], {0, Count}),
                    bench_figures:in_turn(growth,
                                          [{#{lists => Count},
                                            [{ours, measure(Client, Ours, #{work => {entries, kept(Ours, 0), 0},
                                                                            callers => ?CALLERS}, Options)}]}], Options)
                end || Count <- maps:get(growth_lists, Options, ?LISTS)],
    ok = lists:foreach(fun bench_subject:kill/1, Started),
    lists:append(Measured).

%% Connected clients, each with one call on its way.
clients(Options) ->
    [Client, #{os_pid := Server} = Ours] = Started = start([client, ours], Options),
    Lists = ?FEW,
    ok = filled(Client, [Ours], Lists, ?RETURNED),
    Command = bench_batch:command(Ours, #{work => calls, window => 1, lists => Lists}, Options),
    Together = fun(Clients) ->
                       Before = bench_proc:cpu_ns(Server),
                       Read = [bench_batch:read(Line)
                               || Line <- bench_subject:run(lists:duplicate(Clients, Command), Options)],
                       Operations = lists:sum([maps:get(operations, R) || R <- Read]),
                       #{rate => lists:sum([maps:get(rate, R) || R <- Read]),
                         p50_us => bench_figures:median([maps:get(p50_us, R) || R <- Read]),
                         p99_us => bench_figures:median([maps:get(p99_us, R) || R <- Read]),
                         server_cpu_us => (bench_proc:cpu_ns(Server) - Before) / max(1, Operations) / 1000,
                         client_cpu_us => bench_figures:median([maps:get(client_cpu_us, R) || R <- Read])}
               end,
    Measured = bench_figures:in_turn(growth,
                                     [{#{clients => Clients}, [{ours, fun() -> Together(Clients) end}]}
                                      || Clients <- maps:get(growth_clients, Options, ?CLIENTS)], Options),
    ok = lists:foreach(fun bench_subject:kill/1, Started),
    Measured.

%% Monitors that a process of the client holds meanwhile.
monitors(Options) ->
    [Client, Ours] = Started = start([client, ours], Options),
    {Size, _, _} = Lists = ?FEW,
    ok = filled(Client, [Ours], Lists, ?RETURNED),
    Calls = measure(Client, Ours, #{work => {entries, kept(Ours, Size), ?RETURNED}, callers => ?CALLERS}, Options),
    Measured = [begin
                    Holder = bench_subject:call(Client, bench_client, hold_monitors, [kept(Ours, Size), Count]),
                    Part = bench_figures:in_turn(growth, [{#{monitors => Count}, [{ours, Calls}]}], Options),
                    ok = bench_subject:call(Client, bench_client, release_monitors, [Holder]),
                    Part
                end || Count <- maps:get(growth_monitors, Options, ?MONITORS)],
    ok = lists:foreach(fun bench_subject:kill/1, Started),
    lists:append(Measured).
