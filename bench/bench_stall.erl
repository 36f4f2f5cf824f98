%% Group: what others feel while one does something large: the worst call of a good client, one call after the other to
%% a process that none of it concerns.
-module(bench_stall).

-export([stall/1]).
-export([good_begin/1, good_end/0]).

-import(bench_lists, [start/2]).

-define(LISTS, 1000000).
-define(ENTRIES, 1000000).
-define(MONITORS, 1000000).
-define(CLIENTS, 200).
-define(STOPPED, 100000). % lists of a cache that stops
-define(CHECKPOINTED, 100000). % entries of a list that is written to its file
-define(AFTER_MS, 3000). % what goes on behind the last answer: deaths, checkpoints
-define(GOOD, bench_good).

-spec stall(bench:options()) -> [bench_figures:measured()].
stall(Options) ->
    [Good, Busy] = start([client, client], Options),
    Cases = [{#{work => Name}, [{ours, fun() -> alone({Good, Busy}, Work, Options) end}]}
             || {Name, Work} <- works(Options)],
    Measured = bench_figures:in_turn(stall, Cases, Options#{rounds => 1}),
    ok = bench_subject:discard_all(Options),
    Measured.

%% Each returns what is to be done while the good client calls; what it does before is its preparation.
works(Options) ->
    Size = fun(Key, Default) -> maps:get(Key, Options, Default) end,
    [{'nothing', fun(_, _) -> fun() -> ok end end},
     {'lists created', fun(Ours, _) -> fun() -> bench_batch:create(Ours, Size(stall_lists, ?LISTS), Options) end end},
     {'entries added to one list',
      fun(Ours, Busy) -> fun() -> fill(Ours, Busy, Size(stall_entries, ?ENTRIES)) end end},
     {'watched process dies', fun(Ours, Busy) -> watched(Ours, Busy, Size(stall_monitors, ?MONITORS)) end},
     {'watching node is lost', fun(Ours, _) -> watching(Ours, Size(stall_monitors, ?MONITORS), Options) end},
     {'clients come and go', fun(Ours, _) -> fun() -> clients(Ours, Size(stall_clients, ?CLIENTS), Options) end end},
     {'cache stops', fun(Ours, Busy) -> cache(Ours, Busy, Size(stall_stopped, ?STOPPED), Options) end},
     {'checkpoint of a list', fun(Ours, Busy) ->
                                      ok = fill(Ours, Busy, Size(stall_checkpointed, ?CHECKPOINTED)),
                                      fun() -> ok end
                              end}].

alone({Good, Busy}, Work, Options) ->
    [#{node := Node} = Ours] = start([ours], Options),
    Do = Work(Ours, Busy),
    ok = bench_subject:call(Good, ?MODULE, good_begin, [Node]),
    _ = Do(),
    ok = timer:sleep(maps:get(stall_after_ms, Options, ?AFTER_MS)),
    Figures = bench_subject:call(Good, ?MODULE, good_end, []),
    ok = bench_subject:kill(Ours),
    Figures.

%% ---- what is large ----

fill(#{node := Node}, Busy, Count) ->
    ok = bench_subject:call(Busy, bench_client, lists, [?MODULE, Node, {"stall-", 1, 1}]),
    bench_subject:call(Busy, bench_client, fill, [?MODULE, Count, 2]).

hold(#{node := Node}, Holder, Count) ->
    ok = bench_subject:call(Holder, bench_client, lists, [?MODULE, Node, {"stall-", 1, 1}]),
    bench_subject:call(Holder, bench_client, hold_monitors, [?MODULE, Count]).

watched(#{node := Node} = Ours, Busy, Count) ->
    ok = hold(Ours, Busy, Count),
    List = bench_subject:call(Busy, gen_server, call, [{'Elixir.Todo.Cache', Node}, {server_process, <<"stall-1">>}]),
    fun() -> bench_subject:call(Busy, erlang, exit, [List, kill]) end.

watching(Ours, Count, Options) ->
    [Holder] = start([client], Options),
    ok = hold(Ours, Holder, Count),
    fun() -> bench_subject:kill(Holder) end.

clients(Ours, Count, Options) ->
    bench_batch:run(Ours, #{work => connections, window => 1, lists => {0, 1}, connections => Count}, Options).

cache(#{node := Node} = Ours, Busy, Count, Options) ->
    ok = bench_batch:create(Ours, Count, Options),
    fun() -> bench_subject:call(Busy, sys, terminate, [{'Elixir.Todo.Cache', Node}, normal, infinity]) end.

%% ---- the good client ----

%% In its BEAM: begins to call.
-spec good_begin(node()) -> ok.
good_begin(Node) ->
    Self = self(),
    {Good, Monitor} = spawn_monitor(fun() ->
                                            true = register(?GOOD, self()),
                                            _ = process_flag(priority, high),
                                            ok = ask(Node),
                                            Self ! {self(), begun},
                                            good(Node, bench_histogram:new(), 0)
                                    end),
    receive
        {Good, begun} -> true = demonitor(Monitor, [flush]), ok;
        {'DOWN', Monitor, process, Good, Reason} -> error(Reason)
    end.

ask(Node) ->
    #{next_id := 1} = gen_server:call({'Elixir.Todo.List', Node}, {new, []}, infinity),
    ok.

good(Node, Histogram, Worst) ->
    Before = erlang:monotonic_time(nanosecond),
    ok = ask(Node),
    Took = erlang:monotonic_time(nanosecond) - Before,
    ok = bench_histogram:add(Histogram, Took),
    receive
        {From, over} -> From ! {self(), figures(Histogram, max(Worst, Took))}
    after 0 ->
            good(Node, Histogram, max(Worst, Took))
    end.

figures(Histogram, Worst) ->
    #{worst_ms => Worst / 1.0e6,
      p50_us => bench_histogram:quantile(Histogram, 0.5) / 1000,
      p99_us => bench_histogram:quantile(Histogram, 0.99) / 1000,
      p999_us => bench_histogram:quantile(Histogram, 0.999) / 1000}.

%% It calls no more; how it was.
-spec good_end() -> bench_figures:figures().
good_end() ->
    Good = whereis(?GOOD),
    Monitor = monitor(process, Good),
    Good ! {self(), over},
    receive
        {Good, Figures} ->
            receive {'DOWN', Monitor, process, Good, normal} -> Figures end;
        {'DOWN', Monitor, process, Good, Reason} ->
            error(Reason)
    end.
