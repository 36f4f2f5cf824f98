%% Random terms of every type and random keys, for comparing the node with the BEAM.
-module(random_terms).

-export([term/0, term/1, key/0]).

-spec term() -> term().
term() ->
    term(4).

%% Nested at most Depth levels.
-spec term(non_neg_integer()) -> term().
term(0) ->
    leaf(rand:uniform(12));
term(Depth) ->
    case rand:uniform(10) of
        1 -> list_to_tuple(terms(Depth));
        2 -> terms(Depth);
        3 -> maps:from_list([{term(Depth - 1), term(Depth - 1)} || _ <- lists:seq(1, rand:uniform(6))]);
        4 -> maps:from_list([{leaf(rand:uniform(12)), N} || N <- lists:seq(1, rand:uniform(40))]);
        5 -> terms(Depth) ++ leaf(rand:uniform(12));
        6 -> [rand:uniform(300) - 1 || _ <- lists:seq(1, rand:uniform(20))];
        _ -> leaf(rand:uniform(12))
    end.

terms(Depth) ->
    [term(Depth - 1) || _ <- lists:seq(1, rand:uniform(5) - 1)].

leaf(1) -> rand:uniform(256) - 1;
leaf(2) -> integer();
leaf(3) -> atom();
leaf(4) -> rand:normal() * math:pow(10, rand:uniform(200) - 100);
leaf(5) -> rand:bytes(rand:uniform(100) - 1);
leaf(6) -> <<(rand:uniform(128) - 1):7>>;
leaf(7) -> make_ref();
leaf(8) -> self();
leaf(9) -> hd(erlang:ports());
leaf(10) -> fun lists:map/2;
leaf(11) -> X = rand:uniform(10), fun(Y) -> X + Y end;
leaf(12) -> [].

%% Around the borders at which encodings change.
integer() ->
    Border = lists:nth(rand:uniform(9), [8, 27, 28, 31, 32, 59, 60, 64, 2040]),
    Sign = lists:nth(rand:uniform(2), [1, -1]),
    Sign * (1 bsl Border) + rand:uniform(5) - 3.

atom() ->
    case rand:uniform(4) of
        1 -> lists:nth(rand:uniform(5), [ok, error, true, nil, '']);
        2 -> binary_to_atom(unicode:characters_to_binary([rand:uniform(16#2FF) + 31]));
        _ -> list_to_atom("a" ++ integer_to_list(rand:uniform(50)))
    end.

%% A term of a type that names and keys have.
-spec key() -> term().
key() ->
    case rand:uniform(5) of
        1 -> rand:bytes(rand:uniform(60) - 1);
        2 -> atom();
        3 -> integer();
        4 -> [rand:uniform(256) - 1 || _ <- lists:seq(1, rand:uniform(30) - 1)];
        5 -> iodata(3)
    end.

iodata(0) ->
    [rand:uniform(256) - 1];
iodata(Depth) ->
    Parts = [case rand:uniform(3) of
                 1 -> rand:uniform(256) - 1;
                 2 -> rand:bytes(rand:uniform(5) - 1);
                 3 -> iodata(Depth - 1)
             end || _ <- lists:seq(1, rand:uniform(5))],
    case rand:uniform(4) of
        1 -> Parts ++ rand:bytes(3);
        _ -> Parts
    end.
