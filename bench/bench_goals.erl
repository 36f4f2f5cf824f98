%% What the node has to reach, as numbers to compare with.
-module(bench_goals).

-export([compared/1]).

-import(bench_figures, [figure/3, ratio/2, spread/1]).

-export_type([goal/0]).

%% Only of what was measured.
-type goal() :: #{group := atom(), what := string(), unit := string(), limit := {'>=' | '<=', number()},
                  value := number(), met := boolean()}.

-define(FLAT, 1.5).

-spec compared(bench_figures:results()) -> [goal()].
compared(Results) ->
    [#{group => Group, what => What, limit => Limit, unit => Unit, value => Value, met => met(Limit, Value)}
     || {Group, What, Limit, Unit, Fun} <- calls() ++ disk() ++ others() ++ growth() ++ stall(), Value <- [Fun(Results)],
        Value =/= none].

met({'>=', Limit}, Value) -> Value >= Limit;
met({'<=', Limit}, Value) -> Value =< Limit.

calls() ->
    [{calls, text("~b callers: rate", [N]), {'>=', 0.95}, "x reference", against(calls, callers(N), rate, reference)}
     || N <- [2, 4, 16, 64, 256]]
        ++ [{calls, text("~b callers: rate", [N]), {'>=', 0.95}, "x floor", against(calls, callers(N), rate, floor)}
            || N <- [16, 64, 256]]
        ++ [{calls, text("~b callers: server CPU per call", [N]), {'<=', 0.35}, "x reference",
             against(calls, callers(N), server_cpu_us, reference)} || N <- [16, 64, 256]]
        ++ [{calls, text("1 caller: ~ts", [What]), {'<=', 1.0}, "x reference",
             against(calls, callers(1), Figure, reference)} || {What, Figure} <- [{"p50", p50_us}, {"p99", p99_us}]]
        ++ [{calls, text("lists of ~b entries, 16 callers: server CPU per call", [Size]), {'<=', 0.1}, "x reference",
             against(calls, #{callers => 16, entries => Size}, server_cpu_us, reference)} || Size <- [1000, 10000]]
        ++ [{fast, text("fast call, ~b callers: rate", [N]), {'>=', 1.8}, "x reference's GenServer.call",
             against(fast, callers(N), rate, reference)} || N <- [16, 64, 256]].

callers(N) ->
    #{callers => N, entries => 10}.

disk() ->
    [{casts, text("casts until on disk, lists of ~b entries", [Size]), {'>=', 150000}, "per s",
      of_ours(casts, #{entries => Size}, rate)} || Size <- [10, 1000, 10000]]
        ++ [{casts, "the same, largest by smallest rate", {'<=', 1.5}, "x",
             fun(R) -> spread([figure({casts, #{entries => Size}, ours}, rate, R) || Size <- [10, 1000, 10000]]) end},
            {adds, "acknowledged adds, 256 callers: rate", {'>=', 0.8}, "x entries calls",
             fun(R) ->
                     ratio(figure({adds, #{callers => 256, work => add_entry}, ours}, rate, R),
                           figure({adds, #{callers => 256, work => entries}, ours}, rate, R))
             end},
            {flood, "update casts over 1 000 lists of 10 entries: peak memory", {'<=', 256}, "MB",
             fun(R) -> first([F || {{flood, _, ours}, #{peak_mb := F}} <- R]) end},
            {start, "10 000 lists after a clean stop: ready", {'<=', 30}, "ms",
             of_ours(start, #{work => 'clean stop', lists => 10000}, ready_ms)},
            {start, "10 000 lists after a clean stop: all read", {'<=', 400}, "ms",
             of_ours(start, #{work => 'clean stop', lists => 10000}, read_ms)},
            {start, "64 MB of journals after kill -9: ready", {'<=', 1000}, "ms",
             of_ours(start, #{work => 'kill -9'}, ready_ms)}].

others() ->
    [{batch, "C client, 1 024 in flight: calls", {'>=', 1500000}, "per s",
      of_ours(batch, #{window => 1024, work => calls}, rate)},
     {batch, "C client, 1 024 in flight: durable adds", {'>=', 500000}, "per s",
      of_ours(batch, #{window => 1024, work => adds}, rate)},
     {memory, "idle empty list", {'<=', 300}, "B", of_ours(memory, #{lists => 100000, entries => 0}, bytes_per_list)},
     {memory, "idle list of 5 entries", {'<=', 1200}, "B",
      of_ours(memory, #{lists => 20000, entries => 5}, bytes_per_list)},
     {memory, "1 000 000 empty lists", {'<=', 500}, "MB", of_ours(memory, #{lists => 1000000, entries => 0}, rss_mb)},
     {cache, "look-up among 100 000 running lists: server CPU", {'<=', 1.2}, "x among 100",
      fun(R) ->
              [Many, Few] = [figure({cache, #{work => 'existing, all running', names => Names}, ours}, server_cpu_us, R)
                             || Names <- [100000, 100]],
              ratio(Many, Few)
      end}].

%% Server CPU per operation.
growth() ->
    [flat("entries per list, calls", entries, fun(C) -> maps:get(work, C, none) =:= entries end),
     flat("entries per list, adds", entries, fun(C) -> maps:get(work, C, none) =:= add_entry end),
     flat("lists", lists, fun(_) -> true end),
     flat("connected clients", clients, fun(_) -> true end),
     flat("monitors held", monitors, fun(_) -> true end)].

flat(What, Axis, Wanted) ->
    {growth, "server CPU per operation, by " ++ What, {'<=', ?FLAT}, "x that of the fewest",
     fun(R) ->
             worst([{maps:get(Axis, Case), Cpu} || {{growth, Case, ours}, #{server_cpu_us := Cpu}} <- R,
                                                   is_map_key(Axis, Case), Wanted(Case)])
     end}.

%% One round: the worst is not to be had by a median.
stall() ->
    [{stall, "worst call, " ++ atom_to_list(Work), {'<=', 10}, "ms", of_ours(stall, #{work => Work}, worst_ms)}
     || Work <- ['nothing', 'lists created', 'entries added to one list', 'watched process dies', 'watching node is lost',
                 'clients come and go', 'cache stops', 'checkpoint of a list']].

%% The largest cost by that with the fewest of what grows.
worst([]) ->
    none;
worst(Costs) ->
    {_, First} = lists:min(Costs),
    lists:max([Cost || {_, Cost} <- Costs]) / First.

against(Group, Case, Figure, Other) ->
    fun(R) -> ratio(figure({Group, Case, ours}, Figure, R), figure({Group, Case, Other}, Figure, R)) end.

of_ours(Group, Case, Figure) ->
    fun(R) -> figure({Group, Case, ours}, Figure, R) end.

first([Figure | _]) -> Figure;
first([]) -> none.

text(Format, Values) ->
    lists:flatten(io_lib:format(Format, Values)).
