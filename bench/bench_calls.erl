%% Groups of calls: entries by GenServer.call and by the fast call, acknowledged adds, cache look-ups, pacing.
-module(bench_calls).

-export([calls/1, fast/1, adds/1, cache/1, pacing/1]).

-import(bench_lists, [start/2, filled/4, kept/2, floor/4, measure/4]).

-define(RETURNED, 5). % one in so many entries has the date that is asked for

%% Entries in a list, and how many such lists there are.
-define(SIZES, [{10, 100}, {1000, 100}, {10000, 20}]).
-define(CALLERS, [1, 2, 4, 16, 64, 256, 1024]).
-define(CALLERS_OF_LARGE, [16]).
-define(ADDERS, [1, 16, 64, 256]).
-define(PACED, [1, 4, 16, 64, 256]).
-define(FINDERS, 16).
-define(NAMES, 100).
-define(MANY_NAMES, 100000).

%% GenServer.call of entries: ours, the reference and the floor, by callers and by size of the lists.
-spec calls(bench:options()) -> [bench_figures:measured()].
calls(Options) ->
    [Client, Ours, Reference] = start([client, ours, reference], Options),
    Cases = [sized(Size, Client, [Ours, Reference], Options) || Size <- maps:get(sizes, Options, ?SIZES)],
    bench_figures:in_turn(calls, lists:append(Cases), Options).

sized({Size, _} = Lists, Client, [Ours, Reference] = Subjects, Options) ->
    ok = filled(Client, Subjects, Lists, returned(Size)),
    Floor = floor(Client, Ours, Lists, Options),
    [{#{callers => Callers, entries => Size},
      [{Name, entries(entries, Client, Subject, Size, Callers, Options)}
       || {Name, Subject} <- [{ours, Ours}, {reference, Reference}, {floor, Floor}]]}
     || Callers <- callers(Size, Options)].

callers(10, Options) -> maps:get(callers, Options, ?CALLERS);
callers(_, _) -> ?CALLERS_OF_LARGE.

returned(Size) ->
    Size div ?RETURNED.

entries(How, Client, Subject, Size, Callers, Options) ->
    measure(Client, Subject, #{work => {How, kept(Subject, Size), returned(Size)}, callers => Callers}, Options).

%% The module todo's call against GenServer.call and against a bare send with an alias, which promises no answer.
-spec fast(bench:options()) -> [bench_figures:measured()].
fast(Options) ->
    [Client, Ours, Reference] = start([client, ours, reference], Options),
    [{Size, _} = Lists | _] = maps:get(sizes, Options, ?SIZES),
    ok = filled(Client, [Ours, Reference], Lists, returned(Size)),
    Cases = [{#{callers => Callers, entries => Size},
              [{Name, entries(How, Client, Subject, Size, Callers, Options)}
               || {Name, How, Subject} <- [{ours, todo, Ours}, {reference, entries, Reference},
                                           {'reference, alias', alias, Reference}]]}
             || Callers <- callers(10, Options)],
    bench_figures:in_turn(fast, Cases, Options).

%% Acknowledged adds against calls of entries, on the same lists.
-spec adds(bench:options()) -> [bench_figures:measured()].
adds(Options) ->
    [Client, Ours] = start([client, ours], Options),
    [{Size, _} = Lists | _] = maps:get(sizes, Options, ?SIZES),
    ok = filled(Client, [Ours], Lists, returned(Size)),
    Cases = [{#{callers => Callers, work => Name},
              [{ours, measure(Client, Ours, #{work => Work, callers => Callers}, Options)}]}
             || Callers <- maps:get(callers, Options, ?ADDERS),
                {Name, Work} <- [{entries, {entries, kept(Ours, Size), returned(Size)}},
                                 {add_entry, {add, kept(Ours, Size)}}]],
    bench_figures:in_turn(adds, Cases, Options).

%% Pids of lists that run, and of lists that do not; at last among many names.
-spec cache(bench:options()) -> [bench_figures:measured()].
cache(Options) ->
    [Client, Ours, Reference] = start([client, ours, reference], Options),
    Look = fun(#{node := Node} = Subject, Work) ->
                   measure(Client, Subject, #{work => list_to_tuple([hd(Work), Node | tl(Work)]),
                                              callers => ?FINDERS}, Options)
           end,
    Subjects = [{ours, Ours}, {reference, Reference}],
    Few = [{Case, [{Name, Look(Subject, Work)} || {Name, Subject} <- Subjects]}
           || {Case, Work} <- [{#{work => existing, names => ?NAMES}, [find, "name-", ?NAMES]},
                               {#{work => new}, [find_new]}]],
    Measured = bench_figures:in_turn(cache, Few, Options),
    Many = maps:get(many_names, Options, ?MANY_NAMES),
    ok = bench_batch:create(Ours, Many, Options),
    Among = [{#{work => 'existing, all running', names => Names}, [{ours, Look(Ours, [find, "bench-", Names])}]}
             || Names <- [?NAMES, Many]],
    Measured ++ bench_figures:in_turn(cache, Among, Options).

%% With and without the waiting after loaded batches. Nothing where the program cannot do that.
-spec pacing(bench:options()) -> [bench_figures:measured()].
pacing(Options) ->
    case bench_subject:knows("--pacing-us", bench_subject:program(ours, Options)) of
        true -> paced(Options);
        false -> []
    end.

paced(Options) ->
    [Client, On, Off] = start([client, ours, {ours, ["--pacing-us", "0"]}], Options),
    [{Size, _} = Lists | _] = maps:get(sizes, Options, ?SIZES),
    ok = filled(Client, [On, Off], Lists, returned(Size)),
    Cases = [{#{callers => Callers, work => Pacing},
              [{ours, entries(entries, Client, Subject, Size, Callers, Options)}]}
             || Callers <- maps:get(callers, Options, ?PACED),
                {Pacing, Subject} <- [{'pacing on', On}, {'pacing off', Off}]],
    bench_figures:in_turn(pacing, Cases, Options).
