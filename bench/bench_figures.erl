%% What was measured in several rounds, put together: medians and ratios.
%%
%% A case is what was done; a subject whom it was done to. Figures are numbers by name; see bench_report for the names.
-module(bench_figures).

-export([in_turn/3, medians/1, median/1, figure/3, ratio/2, spread/1]).

-export_type([key/0, subject/0, figures/0, measured/0, results/0]).

-type subject() :: atom().
-type key() :: {Group :: atom(), Case :: #{atom() => term()}, subject()}.
-type figures() :: #{atom() => number()}.
-type measured() :: {key(), figures()}.
-type results() :: [measured()]. % in order, each key once

%% Does everything in turn, round after round: A B C A B C. Each case names what is done to each subject.
-spec in_turn(Group :: atom(), [{Case :: map(), [{subject(), fun(() -> figures())}]}],
              #{rounds := pos_integer(), report := fun((term()) -> term()), _ => _}) -> [measured()].
in_turn(Group, Cases, #{rounds := Rounds, report := Report}) ->
    [begin
         Figures = Fun(),
         _ = Report({measured, {Group, Case, Subject}, Figures, {Round, Rounds}}),
         {{Group, Case, Subject}, Figures}
     end || Round <- lists:seq(1, Rounds), {Case, Turns} <- Cases, {Subject, Fun} <- Turns].

%% Each figure's median over the rounds.
-spec medians([measured()]) -> results().
medians(Measured) ->
    Rounds = maps:groups_from_list(fun({Key, _}) -> Key end, fun({_, Figures}) -> Figures end, Measured),
    [{Key, together(maps:get(Key, Rounds))} || Key <- lists:uniq([Key || {Key, _} <- Measured])].

together([First | _] = Rounds) ->
    maps:map(fun(Name, _) -> median([maps:get(Name, Figures) || Figures <- Rounds]) end, First).

%% Of an even number, the mean of the two in the middle.
-spec median([number(), ...]) -> number().
median(Numbers) ->
    Sorted = lists:sort(Numbers),
    Half = length(Sorted) div 2,
    case length(Sorted) rem 2 of
        1 -> lists:nth(Half + 1, Sorted);
        0 -> (lists:nth(Half, Sorted) + lists:nth(Half + 1, Sorted)) / 2
    end.

-spec figure(key(), atom(), results()) -> number() | none.
figure(Key, Name, Results) ->
    case lists:keyfind(Key, 1, Results) of
        {_, #{Name := Figure}} -> Figure;
        _ -> none
    end.

%% none: one of them is missing, or the second is 0.
-spec ratio(number() | none, number() | none) -> float() | none.
ratio(A, B) when is_number(A), is_number(B), B > 0 -> A / B;
ratio(_, _) -> none.

%% How flat they are: the largest by the smallest.
-spec spread([number() | none]) -> float() | none.
spread(Figures) ->
    case [Figure || Figure <- Figures, is_number(Figure), Figure > 0] of
        [] -> none;
        Numbers -> lists:max(Numbers) / lists:min(Numbers)
    end.
