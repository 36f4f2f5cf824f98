%% What most groups begin with: subjects, and lists of a size on each of them that the client knows.
-module(bench_lists).

-export([start/2, listed/3, sampled/3, filled/4, kept/2, floor/4, measure/4]).

%% Entries in each, how many, and how their names begin where that matters.
-type lists() :: {Size :: non_neg_integer(), Count :: pos_integer()}
               | {Size :: non_neg_integer(), Count :: pos_integer(), Prefix :: string()}.
-export_type([lists/0]).

%% They run until bench_subject:discard_all.
-spec start([bench_subject:kind()], bench:options()) -> [bench_subject:subject()].
start(Kinds, Options) ->
    [bench_subject:start(Kind, Options) || Kind <- Kinds].

%% So many lists of each of the subjects, empty where they are new. The client keeps them under kept/2.
-spec listed(bench_subject:subject(), [bench_subject:subject()], lists()) -> ok.
listed(Client, Subjects, {Size, Count}) ->
    listed(Client, Subjects, {Size, Count, lists:concat(["size-", Size, "-"])});
listed(Client, Subjects, {Size, Count, Prefix}) ->
    lists:foreach(fun(#{node := Node} = Subject) ->
                          ok = bench_subject:call(Client, bench_client, lists,
                                                  [kept(Subject, Size), Node, {Prefix, Count, 1}])
                  end, Subjects).

%% Every so manieth of the empty lists that bench_batch:create/3 has made; kept as those of size 0.
-spec sampled(bench_subject:subject(), bench_subject:subject(), {Count :: pos_integer(), Step :: pos_integer()}) -> ok.
sampled(Client, #{node := Node} = Subject, {Count, Step}) ->
    bench_subject:call(Client, bench_client, lists, [kept(Subject, 0), Node, {"bench-", Count, Step}]).

%% The same with so many entries in each, of which entries(date(1)) returns some.
-spec filled(bench_subject:subject(), [bench_subject:subject()], lists(), Returned :: non_neg_integer()) -> ok.
filled(Client, Subjects, Lists, Returned) ->
    Size = element(1, Lists),
    ok = listed(Client, Subjects, Lists),
    lists:foreach(fun(Subject) ->
                          ok = bench_subject:call(Client, bench_client, fill, [kept(Subject, Size), Size, Returned])
                  end, Subjects).

-spec kept(bench_subject:subject(), term()) -> term().
kept(#{node := Node}, Size) ->
    {Node, Size}.

%% A floor that answers what the subject's lists do.
-spec floor(bench_subject:subject(), bench_subject:subject(), lists(), bench:options()) -> bench_subject:subject().
floor(Client, Subject, Lists, Options) ->
    Size = element(1, Lists),
    Answer = bench_subject:call(Client, bench_client, answer, [kept(Subject, Size)]),
    Floor = bench_subject:start({floor, Answer}, Options),
    ok = listed(Client, [Floor], Lists),
    Floor.

%% See bench_client:measure/1.
-spec measure(bench_subject:subject(), bench_subject:subject(), map(), bench:options()) ->
          fun(() -> bench_figures:figures()).
measure(Client, #{os_pid := Server}, Measurement, #{seconds := Seconds}) ->
    fun() ->
            bench_subject:call(Client, bench_client, measure, [Measurement#{seconds => Seconds, server => Server}])
    end.
