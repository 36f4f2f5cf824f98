%% Group: a client in C that keeps many requests on their way at once.
-module(bench_batch).

-export([batch/1, measure/3, create/3, run/3, read/1]).

-import(bench_lists, [start/2, filled/4, floor/4]).

%% window: of each connection. lists: the client asks for those of the prefix bench-.
-type request() :: #{work := calls | adds | connections, window := pos_integer(),
                     lists := bench_lists:lists(), connections => pos_integer()}.

-define(LISTS, {10, 100, "bench-"}). % the names that the C client asks for
-define(WINDOWS, [1, 4, 16, 64, 256, 1024, 4096]).

-spec batch(bench:options()) -> [bench_figures:measured()].
batch(Options) ->
    [Client, Ours, Grows, Reference] = start([client, ours, ours, reference], Options),
    {Size, _, _} = Lists = maps:get(batch_lists, Options, ?LISTS),
    ok = filled(Client, [Ours, Grows, Reference], Lists, Size div 5),
    Floor = floor(Client, Ours, Lists, Options),
    Calls = [{ours, Ours}, {reference, Reference}, {floor, Floor}],
    Cases = [{#{window => Window, work => Work},
              [{Name, measure(Subject, #{work => Work, window => Window, lists => Lists}, Options)}
               || {Name, Subject} <- Subjects]}
             || Window <- maps:get(windows, Options, ?WINDOWS),
                {Work, Subjects} <- [{calls, Calls}, {adds, [{ours, Grows}]}]],
    bench_figures:in_turn(batch, Cases, Options).

%% One run of the client. The server's CPU includes that of connecting and of looking the lists up.
-spec measure(bench_subject:subject(), request(), bench:options()) -> fun(() -> bench_figures:figures()).
measure(#{os_pid := Server} = Subject, Request, Options) ->
    Command = command(Subject, Request, Options),
    fun() ->
            _ = bench_proc:reset_peak(Server),
            Before = bench_proc:cpu_ns(Server),
            Line = bench_subject:run(Command, Options),
            #{operations := Operations} = Read = read(Line),
            maps:merge(maps:with([rate, p50_us, p99_us, p999_us, client_cpu_us], Read),
                       #{server_cpu_us => (bench_proc:cpu_ns(Server) - Before) / max(1, Operations) / 1000,
                         peak_mb => bench_proc:peak_bytes(Server) / 1.0e6})
    end.

%% Empty lists bench-1 to bench-N, by far faster than a BEAM could ask for them.
-spec create(bench_subject:subject(), pos_integer(), bench:options()) -> ok.
create(Subject, Count, Options) ->
    {Program, Arguments} = command(Subject, #{work => calls, window => 1024, lists => {0, Count}}, Options),
    _ = bench_subject:run({Program, Arguments ++ ["--operations", "1"]}, Options),
    ok.

%% Runs the client once; what it has measured is passed over.
-spec run(bench_subject:subject(), request(), bench:options()) -> ok.
run(Subject, Request, Options) ->
    _ = bench_subject:run(command(Subject, Request, Options), Options),
    ok.

command(#{node := Node}, #{work := Work, window := Window, lists := Lists} = Request,
        #{seconds := Seconds} = Options) ->
    {Year, Month, Day} = bench_client:date(1),
    {bench_subject:program(batch_client, Options),
     ["--node", atom_to_list(Node), "--work", atom_to_list(Work), "--window", integer_to_list(Window),
      "--seconds", float_to_list(float(Seconds), [{decimals, 2}]), "--lists", integer_to_list(element(2, Lists)),
      "--connections", integer_to_list(maps:get(connections, Request, 1)),
      "--entries-date", lists:concat([Year, "-", Month, "-", Day])]}.

%% The line that it prints: words `name=number', and others that are passed over.
-spec read(string()) -> #{atom() => number()}.
read(Line) ->
    Words = [string:split(Word, "=") || Word <- string:lexemes(Line, " \n")],
    maps:from_list([{Name, Number} || [Key, Text] <- Words, Name <- name(Key), Number <- number(Text)]).

name(Key) ->
    [Name || Name <- [operations, rate, p50_us, p99_us, p999_us, client_cpu_us], atom_to_list(Name) =:= Key].

number(Text) ->
    case string:to_float(Text) of
        {error, no_float} -> [Number || {Number, _} <- [string:to_integer(Text)], is_integer(Number)];
        {Number, _} -> [Number]
    end.
