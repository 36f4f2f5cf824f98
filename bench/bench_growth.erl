%% Group: what an operation costs when there is more of everything. Each axis must stay flat.
-module(bench_growth).

-export([growth/1]).

-import(bench_lists, [start/2, sampled/3, filled/4, kept/2, measure/4]).

-define(CALLERS, 16).
-define(RETURNED, 2). % the same for all sizes
-define(ENTRIES, [10, 100, 1000, 10000, 100000, 1000000]).
-define(LISTS, [10, 1000, 100000, 1000000]).
-define(ASKED, 10000). % of more lists than that
-define(CLIENTS, [1, 10, 50, 200]).
-define(MONITORS, [0, 1000, 100000, 1000000]).
-define(FEW, {10, 100, "bench-"}). % entries in a list, lists: where neither is what grows

-spec growth(bench:options()) -> [bench_figures:measured()].
growth(Options) ->
    lists:append([axis(Axis, Options) || Axis <- [fun entries/2, fun lists/2, fun clients/2, fun monitors/2]]).

axis(Cases, Options) ->
    [Client] = start([client], Options),
    Measured = bench_figures:in_turn(growth, Cases(Client, Options), Options),
    ok = bench_subject:discard_all(Options),
    Measured.

%% Entries in the list: a call that returns two of them, and an acknowledged add.
entries(Client, Options) ->
    [Ours] = start([ours], Options),
    Sizes = maps:get(growth_entries, Options, ?ENTRIES),
    ok = lists:foreach(fun(Size) -> ok = filled(Client, [Ours], {Size, 1}, ?RETURNED) end, Sizes),
    [{#{entries => Size, work => Name}, [{ours, callers(Client, Ours, Work, Options)}]}
     || Size <- Sizes, {Name, Work} <- [{entries, {entries, kept(Ours, Size), ?RETURNED}},
                                        {add_entry, {add, kept(Ours, Size)}}]].

callers(Client, Ours, Work, Options) ->
    measure(Client, Ours, #{work => Work, callers => ?CALLERS}, Options).

%% Lists on the node, asked in turn, many of them where there are more. A node for each case, that rounds be in turn.
lists(Client, Options) ->
    [begin
         [Ours] = start([ours], Options),
         ok = bench_batch:create(Ours, Count, Options),
         ok = sampled(Client, Ours, {Count, max(1, Count div ?ASKED)}),
         {#{lists => Count}, [{ours, callers(Client, Ours, {entries, kept(Ours, 0), 0}, Options)}]}
     end || Count <- maps:get(growth_lists, Options, ?LISTS)].

%% Connected clients, each a node with one call on its way. More of them cost less, where one turn serves several.
clients(Client, Options) ->
    [Ours] = start([ours], Options),
    ok = filled(Client, [Ours], ?FEW, ?RETURNED),
    Request = #{work => connections, window => 1, lists => ?FEW},
    [{#{clients => Clients}, [{ours, bench_batch:measure(Ours, Request#{connections => Clients}, Options)}]}
     || Clients <- maps:get(growth_clients, Options, ?CLIENTS)].

%% Monitors that a process of the client holds meanwhile; again a node for each case.
monitors(Client, Options) ->
    {Size, _, _} = ?FEW,
    [begin
         [Ours] = start([ours], Options),
         ok = filled(Client, [Ours], ?FEW, ?RETURNED),
         ok = bench_subject:call(Client, bench_client, hold_monitors, [kept(Ours, Size), Count]),
         {#{monitors => Count}, [{ours, callers(Client, Ours, {entries, kept(Ours, Size), ?RETURNED}, Options)}]}
     end || Count <- maps:get(growth_monitors, Options, ?MONITORS)].
