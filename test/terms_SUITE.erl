%% Terms through the node and back, compared with =:=; keys to workers, compared with erlang:phash2.
-module(terms_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

all() ->
    [every_type, random_terms_store_get, random_terms_in_old_encodings, equal_terms_equal_bytes, deep_terms,
     large_terms, maps_with_equal_keys_refused, hundred_thousand_keys].

init_per_suite(Config) ->
    [{server, node_case:start(#{arguments => ["--workers", "16"]})} | Config].

end_per_suite(Config) ->
    0 = node_case:stop(?config(server, Config)),
    node_case:clean().

init_per_testcase(_Case, Config) ->
    node_case:seed(),
    Config.

end_per_testcase(_Case, _Config) ->
    ok.

there_and_back(Config, Term) ->
    Database = node_case:database(?config(server, Config)),
    ok = gen_server:call(Database, {store, <<"term">>, Term}, 60000),
    gen_server:call(Database, {get, <<"term">>}, 60000).

every_type(Config) ->
    Terms = [0, 255, 256, -1, 1 bsl 27 - 1, 1 bsl 27, 1 bsl 31 - 1, 1 bsl 31, -(1 bsl 31), -(1 bsl 31) - 1,
             1 bsl 63, 1 bsl 64, -(1 bsl 64), 1 bsl 2040, 1 bsl 3000, 1.5, -0.0, 1.0e308, 5.0e-324, a, '', 'Å', '☃', true,
             make_ref(), self(), hd(erlang:ports()), fun lists:map/2, {}, {a}, list_to_tuple(lists:seq(1, 300)), [],
             [a], "string", lists:duplicate(65535, 1), lists:duplicate(65536, 1), [1 | 2], [a, b | c], [300], <<>>,
             <<"binary">>, <<1:1>>, <<5:7>>, <<1, 2:3>>, #{}, #{a => 1}, maps:from_list([{N, N} || N <- lists:seq(1, 100)]),
             #{1 => int, 1.0 => float, "1" => list, <<"1">> => binary, '1' => atom, {1} => tuple, #{} => map}],
    [?assert(Term =:= there_and_back(Config, Term)) || Term <- Terms],
    ok.

random_terms_store_get(Config) ->
    [begin
         Term = random_terms:term(),
         Back = there_and_back(Config, Term),
         Term =:= Back orelse ct:fail({differ, Term, Back})
     end || _ <- lists:seq(1, 1000)],
    ok.

%% Bytes as another sender may write them: old atoms, lists of bytes as lists, long forms of small numbers.
random_terms_in_old_encodings(Config) ->
    Database = node_case:database(?config(server, Config)),
    Encoded = [{<<131, 100, 0, 2, "ok">>, ok}, {<<131, 115, 1, 16#C5>>, 'Å'}, {<<131, 98, 5:32>>, 5},
               {<<131, 108, 2:32, 97, 1, 97, 2, 106>>, [1, 2]}, {<<131, 105, 1:32, 97, 1>>, {1}},
               {<<131, 110, 1, 0, 7>>, 7}, {<<131, 111, 1:32, 1, 7>>, -7}],
    [?assertEqual(Term, binary_to_term(Bytes)) || {Bytes, Term} <- Encoded],
    #{folder := Folder} = ?config(server, Config),
    [begin
         ok = file:write_file(filename:join(Folder, "old"), Bytes),
         ?assert(Term =:= gen_server:call(Database, {get, <<"old">>}))
     end || {Bytes, Term} <- Encoded],
    ok.

%% What is stored does not depend on the order in which a map's keys arrive.
equal_terms_equal_bytes(Config) ->
    Database = node_case:database(?config(server, Config)),
    #{folder := Folder} = ?config(server, Config),
    Map = maps:from_list([{random_terms:term(1), N} || N <- lists:seq(1, 60)]),
    [begin
         ok = gen_server:call(Database, {store, Key, Term}),
         ok
     end || {Key, Term} <- [{<<"m1">>, Map}, {<<"m2">>, maps:from_list(lists:reverse(maps:to_list(Map)))}]],
    node_case:await(fun() -> filelib:is_regular(filename:join(Folder, "m2")) end),
    {ok, Bytes} = file:read_file(filename:join(Folder, "m1")),
    ?assertEqual({ok, Bytes}, file:read_file(filename:join(Folder, "m2"))),
    ?assert(Map =:= binary_to_term(Bytes)),
    case erlang:system_info(otp_release) of
        Release when Release >= "26" -> ?assertEqual(Bytes, term_to_binary(Map, [deterministic]));
        _ -> ok
    end.

nest(Wrap, Depth) ->
    lists:foldl(fun(_, Term) -> Wrap(Term) end, bottom, lists:seq(1, Depth)).

deep_terms(Config) ->
    [begin
         Term = nest(Wrap, 100000),
         ?assert(Term =:= there_and_back(Config, Term))
     end || Wrap <- [fun(T) -> [T] end, fun(T) -> {T} end, fun(T) -> #{x => T} end]],
    ok.

large_terms(Config) ->
    [?assert(Term =:= there_and_back(Config, Term))
     || Term <- [rand:bytes(20 * 1024 * 1024), lists:seq(1, 500000),
                 maps:from_list([{N, integer_to_binary(N)} || N <- lists:seq(1, 100000)])]],
    ok.

maps_with_equal_keys_refused(Config) ->
    #{folder := Folder} = ?config(server, Config),
    ok = file:write_file(filename:join(Folder, "twice"), <<131, 116, 2:32, 97, 1, 97, 1, 97, 1, 97, 2>>),
    ?assertError(badarg, binary_to_term(element(2, file:read_file(filename:join(Folder, "twice"))))),
    ?assertEqual({error, {corrupt, <<"twice">>}},
                 gen_server:call(node_case:list(?config(server, Config), <<"twice">>), size)).

%% The worker of each of 100 000 random keys is the one that erlang:phash2 names.
hundred_thousand_keys(Config) ->
    Database = node_case:database(?config(server, Config)),
    Workers = [Pid || {_, Pid, _, _} <- lists:sort(supervisor:which_children(Database))],
    Numbered = list_to_tuple(Workers),
    Count = tuple_size(Numbered),
    Self = self(),
    Pids = [spawn_link(fun() -> _ = rand:seed(exsss, N), Self ! {self(), keys(Database, Numbered, Count, 12500)} end)
            || N <- lists:seq(1, 8)],
    ?assertEqual(100000, lists:sum([receive {Pid, Done} -> Done after 600000 -> error(deadline) end || Pid <- Pids])).

keys(Database, Workers, Count, Number) ->
    lists:foldl(fun(_, Done) ->
                        Key = random_terms:key(),
                        Expected = element(1 + erlang:phash2(Key, Count), Workers),
                        Expected =:= gen_server:call(Database, {choose_worker, Key}, 60000) orelse error({worker, Key}),
                        Done + 1
                end, 0, lists:seq(1, Number)).
