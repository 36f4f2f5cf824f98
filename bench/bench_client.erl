%% What the client BEAM does: it finds and fills lists, and lets callers work on them for a while. A wrong answer is an
%% exception, so that nothing is measured that does not work.
-module(bench_client).

-export([lists/3, fill/3, answer/1, date/1]).
-export([measure/1, casts/1, updates/3, check_updates/2, read_all/3, hold_monitors/2]).

-export_type([work/0, measurement/0]).

-define(DATES, 5).
-define(CHUNK, 10000).
-define(FINDERS, 64).
-define(WARM_UP, 0.1).

%% lists: the name under which lists/3 has kept them here.
%% entries: by GenServer.call; todo: by the module todo; alias: a bare send with an alias, which promises no answer;
%% add: acknowledged; find: the pid of one of these names at the cache; find_new: of a name that has no list yet.
-type work() :: {entries | todo | alias, Lists :: term(), Returned :: non_neg_integer()}
              | {add, Lists :: term()}
              | {find, node(), Prefix :: string(), Count :: pos_integer()}
              | {find_new, node()}.
-type measurement() :: #{work := work(), callers := pos_integer(), seconds := number(), server := integer()}.

%% ---- lists ----

%% Asks the cache of a node for the lists Prefix1 to PrefixN, every Step'th of them, and keeps their pids under a name
%% of this BEAM.
-spec lists(Kept :: term(), node(), {Prefix :: string(), Count :: pos_integer(), Step :: pos_integer()}) -> ok.
lists(Kept, Node, {Prefix, Count, Step}) ->
    Finders = min(?FINDERS, Count),
    Found = parallel([fun() -> [{N, find(Node, name(Prefix, N))} || N <- lists:seq(First, Count, Finders * Step)] end
                      || First <- lists:seq(1, 1 + (Finders - 1) * Step, Step)]),
    Pids = [Pid || {_, Pid} <- lists:sort(lists:append(Found))],
    persistent_term:put({?MODULE, Kept}, list_to_tuple(Pids)).

name(Prefix, N) ->
    iolist_to_binary([Prefix, integer_to_list(N)]).

find(Node, Name) ->
    Pid = gen_server:call({'Elixir.Todo.Cache', Node}, {server_process, Name}, infinity),
    true = is_pid(Pid),
    Pid.

kept(Kept) ->
    persistent_term:get({?MODULE, Kept}).

%% Adds so many entries to each list; `Returned' of them have date(1), the others not. All is written when it returns.
-spec fill(Kept :: term(), pos_integer(), Returned :: non_neg_integer()) -> ok.
fill(Kept, Size, Returned) ->
    Pids = kept(Kept),
    ok = each(Pids, fun(Pid) -> fill_list(Pid, 1, Size, Returned) end),
    Returned = length([found || #{date := Date} <- answer(Kept), Date =:= date(1)]),
    each(Pids, fun(Pid) -> ok = gen_server:call(Pid, sync, infinity) end).

fill_list(Pid, From, Size, Returned) when From =< Size ->
    To = min(From + ?CHUNK - 1, Size),
    Entries = [entry(N, day(N, Size, Returned)) || N <- lists:seq(From, To)],
    ok = added(gen_server:call(Pid, {add_entries, Entries}, infinity)),
    fill_list(Pid, To + 1, Size, Returned);
fill_list(_, _, _, _) ->
    ok.

%% The reference answers ok.
added({ok, [_ | _]}) -> ok;
added(ok) -> ok.

day(N, Size, Returned) when Returned * ?DATES =:= Size -> 1 + N rem ?DATES;
day(N, _, Returned) when N =< Returned -> 1;
day(N, _, _) -> 2 + N rem (?DATES - 1).

entry(N, Day) ->
    #{date => date(Day), title => <<"entry ", (integer_to_binary(N))/binary>>}.

-spec date(pos_integer()) -> calendar:date().
date(Day) ->
    {2023, 12, Day}.

each(Pids, Fun) ->
    Workers = min(?FINDERS, tuple_size(Pids)),
    _ = parallel([fun() ->
                          lists:foreach(fun(N) -> Fun(element(N, Pids)) end,
                                        lists:seq(First, tuple_size(Pids), Workers))
                  end || First <- lists:seq(1, Workers)]),
    ok.

%% What the first list answers when it is asked for the entries of date(1).
-spec answer(Kept :: term()) -> [map()].
answer(Kept) ->
    gen_server:call(element(1, kept(Kept)), {entries, date(1)}).

%% ---- callers ----

%% So many callers, each with one call at a time, for some seconds. CPU is that of all of the server and all of this
%% BEAM, per operation; the peak that of the server.
-spec measure(measurement()) -> bench_figures:figures().
measure(#{seconds := Seconds} = Measurement) ->
    _ = callers(Measurement#{seconds := Seconds * ?WARM_UP}),
    callers(Measurement).

callers(#{work := Work, callers := Callers, seconds := Seconds, server := Server}) ->
    Histogram = bench_histogram:new(),
    _ = bench_proc:reset_peak(Server),
    Client = os:getpid(),
    {ServerCpu, ClientCpu} = {bench_proc:cpu_ns(Server), bench_proc:cpu_ns(Client)},
    Begin = erlang:monotonic_time(nanosecond),
    Until = Begin + round(Seconds * 1.0e9),
    _ = parallel([fun() -> caller(operation(Work, N), N, Until, Histogram) end || N <- lists:seq(1, Callers)]),
    End = erlang:monotonic_time(nanosecond),
    Operations = bench_histogram:count(Histogram),
    #{rate => Operations * 1.0e9 / (End - Begin),
      p50_us => bench_histogram:quantile(Histogram, 0.5) / 1000,
      p99_us => bench_histogram:quantile(Histogram, 0.99) / 1000,
      p999_us => bench_histogram:quantile(Histogram, 0.999) / 1000,
      server_cpu_us => (bench_proc:cpu_ns(Server) - ServerCpu) / Operations / 1000,
      client_cpu_us => (bench_proc:cpu_ns(Client) - ClientCpu) / Operations / 1000,
      peak_mb => bench_proc:peak_bytes(Server) / 1.0e6}.

caller(Operation, N, Until, Histogram) ->
    Before = erlang:monotonic_time(nanosecond),
    ok = Operation(N),
    After = erlang:monotonic_time(nanosecond),
    ok = bench_histogram:add(Histogram, After - Before),
    case After < Until of
        true -> caller(Operation, N + 1, Until, Histogram);
        false -> ok
    end.

%% What a caller does with the Nth list or name.
operation({entries, Kept, Returned}, _) ->
    Pids = kept(Kept),
    fun(N) -> Returned = length(gen_server:call(nth(N, Pids), {entries, date(1)})), ok end;
operation({todo, Kept, Returned}, _) ->
    Pids = kept(Kept),
    fun(N) -> Returned = length(todo:entries(nth(N, Pids), date(1))), ok end;
operation({alias, Kept, Returned}, _) ->
    Pids = kept(Kept),
    fun(N) -> Returned = length(asked(nth(N, Pids), {entries, date(1)})), ok end;
operation({add, Kept}, _) ->
    Pids = kept(Kept),
    fun(N) -> {ok, _} = gen_server:call(nth(N, Pids), {add_entry, entry(N, 2)}), ok end;
operation({find, Node, Prefix, Count}, _) ->
    fun(N) -> _ = find(Node, name(Prefix, 1 + N * 7919 rem Count)), ok end;
operation({find_new, Node}, Caller) ->
    Prefix = lists:concat(["new-", erlang:unique_integer([positive]), "-", Caller, "-"]),
    fun(N) -> _ = find(Node, name(Prefix, N)), ok end.

nth(N, Pids) ->
    element(1 + N rem tuple_size(Pids), Pids).

%% A tag of gen:reply is an improper list.
-dialyzer({no_improper_lists, asked/2}).
asked(Pid, Request) ->
    Alias = alias([reply]),
    Pid ! {'$gen_call', {self(), [alias | Alias]}, Request},
    receive {[alias | Alias], Answer} -> Answer end.

%% What the funs return, in order; each in a process of its own. Ends with the first that fails.
parallel(Funs) ->
    Self = self(),
    Workers = [spawn_monitor(fun() -> Self ! {self(), Fun()} end) || Fun <- Funs],
    [receive
         {Pid, Answer} -> true = demonitor(Monitor, [flush]), Answer;
         {'DOWN', Monitor, process, Pid, Reason} -> error(Reason)
     end || {Pid, Monitor} <- Workers].

%% Callers ask for all of these lists and for an entry that each of them must have; in milliseconds.
-spec read_all(node(), {Prefix :: string(), Count :: pos_integer()}, Callers :: pos_integer()) -> float().
read_all(Node, {Prefix, Count}, Callers) ->
    Read = fun(N) -> [_] = gen_server:call(find(Node, name(Prefix, N)), {entries, date(3)}, infinity) end,
    {Us, _} = timer:tc(fun() ->
                               parallel([fun() -> lists:foreach(Read, lists:seq(First, Count, Callers)) end
                                         || First <- lists:seq(1, Callers)])
                       end),
    Us / 1000.

%% ---- casts ----

%% One process casts adds to the lists in turn. `rate' is that of the adds that are written.
-spec casts(#{lists := term(), count := pos_integer(), server := integer()}) -> bench_figures:figures().
casts(#{lists := Kept, count := Count, server := Server}) ->
    Pids = kept(Kept),
    timed_casts(Count, Server, Pids, fun(N) -> {add_entry, entry(N, 2)} end).

timed_casts(Count, Server, Pids, Request) ->
    _ = bench_proc:reset_peak(Server),
    Client = os:getpid(),
    {ServerCpu, ClientCpu} = {bench_proc:cpu_ns(Server), bench_proc:cpu_ns(Client)},
    {Us, ok} = timer:tc(fun() ->
                                ok = cast(0, Count, Pids, Request),
                                each(Pids, fun(Pid) -> ok = gen_server:call(Pid, sync, infinity) end)
                        end),
    #{rate => Count * 1.0e6 / Us,
      seconds => Us / 1.0e6,
      server_cpu_us => (bench_proc:cpu_ns(Server) - ServerCpu) / Count / 1000,
      client_cpu_us => (bench_proc:cpu_ns(Client) - ClientCpu) / Count / 1000,
      peak_mb => bench_proc:peak_bytes(Server) / 1.0e6}.

cast(Count, Count, _, _) ->
    ok;
cast(N, Count, Pids, Request) ->
    gen_server:cast(nth(N, Pids), Request(N)),
    cast(N + 1, Count, Pids, Request).

%% Update N goes to list N rem L and there to its entries in turn; the title is N.
-spec updates(Kept :: term(), #{count := pos_integer(), entries := pos_integer()}, integer()) ->
          bench_figures:figures().
updates(Kept, #{count := Count, entries := Entries}, Server) ->
    Pids = kept(Kept),
    Lists = tuple_size(Pids),
    timed_casts(Count, Server, Pids,
                fun(N) -> {update_entry, N div Lists rem Entries + 1, #{date => date(1), title => N}} end).

%% Every entry of every list has the last value that updates/3 has sent it.
-spec check_updates(Kept :: term(), #{count := pos_integer(), entries := pos_integer()}) -> ok.
check_updates(Kept, #{count := Count, entries := Entries}) ->
    Pids = kept(Kept),
    Lists = tuple_size(Pids),
    Period = Lists * Entries,
    Last = fun(First) -> First + Period * ((Count - 1 - First) div Period) end,
    each(list_to_tuple(lists:enumerate(0, tuple_to_list(Pids))),
         fun({N, Pid}) ->
                 Expected = [{Id, Last(N + Lists * (Id - 1))} || Id <- lists:seq(1, Entries)],
                 Expected = [{Id, Title} || #{id := Id, title := Title} <- gen_server:call(Pid, entries, infinity)]
         end).

%% ---- monitors ----

%% From now on a process of this BEAM holds so many monitors. The node has all of them when this returns.
-spec hold_monitors(Kept :: term(), non_neg_integer()) -> ok.
hold_monitors(Kept, Count) ->
    Pids = kept(Kept),
    {Holder, Monitor} =
        spawn_monitor(fun() ->
                              _ = [monitor(process, nth(N, Pids)) || N <- lists:seq(1, Count)],
                              _ = [gen_server:call(Pid, size, infinity) || Pid <- tuple_to_list(Pids)],
                              receive {From, held} -> From ! {self(), held} end,
                              receive never -> ok end
                      end),
    Holder ! {self(), held},
    receive
        {Holder, held} -> true = demonitor(Monitor, [flush]), ok;
        {'DOWN', Monitor, process, Holder, Reason} -> error(Reason)
    end.
