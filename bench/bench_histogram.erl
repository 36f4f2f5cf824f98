%% Latencies counted in buckets that are at most 1/128 wide, as wide as the number needs; any process may add.
-module(bench_histogram).

-export([new/0, add/2, count/1, quantile/2]).

-export_type([histogram/0]).

-opaque histogram() :: counters:counters_ref().

-define(WIDE, 128).
-define(SHIFT_MAX, 40).

-spec new() -> histogram().
new() ->
    counters:new((?SHIFT_MAX + 2) * ?WIDE, [write_concurrency]).

-spec add(histogram(), non_neg_integer()) -> ok.
add(Histogram, Nanoseconds) ->
    counters:add(Histogram, 1 + bucket(Nanoseconds, 0), 1).

%% Numbers below 2 * WIDE have buckets of their own; above, each doubling has WIDE of them.
bucket(Number, Shift) when Number < 2 * ?WIDE; Shift =:= ?SHIFT_MAX -> Shift * ?WIDE + min(Number, 2 * ?WIDE - 1);
bucket(Number, Shift) -> bucket(Number bsr 1, Shift + 1).

%% The middle of a bucket.
value(Bucket) when Bucket < 2 * ?WIDE ->
    Bucket;
value(Bucket) ->
    Shift = Bucket div ?WIDE - 1,
    ((Bucket - Shift * ?WIDE) bsl Shift) + (1 bsl Shift) div 2.

-spec count(histogram()) -> non_neg_integer().
count(Histogram) ->
    lists:sum(counts(Histogram)).

counts(Histogram) ->
    #{size := Size} = counters:info(Histogram),
    [counters:get(Histogram, N) || N <- lists:seq(1, Size)].

%% The number that this part of all numbers does not exceed. There must be one.
-spec quantile(histogram(), number()) -> non_neg_integer().
quantile(Histogram, Part) ->
    Counts = counts(Histogram),
    reached(max(1, ceil(Part * lists:sum(Counts))), Counts, 0).

reached(Rank, [Count | _], Bucket) when Count >= Rank -> value(Bucket);
reached(Rank, [Count | Counts], Bucket) -> reached(Rank - Count, Counts, Bucket + 1).
