%% What we make of the bytes in the fuzzers' corpora, compared with what this BEAM makes of them.
-module(fuzz_SUITE).

-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

all() ->
    [same_bytes_accepted, canonical_bytes_are_the_same_term, text_reads_back, hashes_agree,
     known_differences_are_there].

init_per_suite(Config) ->
    Folders = ["test/c/fuzz/corpus/terms", "test/c/fuzz/corpus/order", "test/c/fuzz/regressions/terms",
               "build/fuzz/corpus/terms", "build/fuzz/corpus/order"], % the last two: searches on this machine
    Files = [File || Folder <- Folders, File <- filelib:wildcard(filename:join([root(), Folder, "*"]))],
    ?assert(length(Files) > 20),
    ct:log("~b inputs", [length(Files)]),
    [{inputs, print(root(), Files)} | Config].

end_per_suite(_Config) ->
    ok.

root() ->
    root(filename:dirname(filename:absname(code:which(?MODULE)))).

%% The folder with the Makefile, above the one where the suite was built.
root(Folder) ->
    case filelib:is_regular(filename:join(Folder, "mk/fuzz.mk")) of
        true -> Folder;
        false when Folder =/= "/" -> root(filename:dirname(Folder))
    end.

%% What print_terms.c says of each file, with the file's bytes.
print(Root, Files) ->
    {0, _} = run(Root, os:find_executable("make"), ["--silent", "build/release/fuzz/print_terms"]),
    print_some(Root, Files).

print_some(Root, Files) when length(Files) > 500 ->
    {Some, Rest} = lists:split(500, Files),
    print_some(Root, Some) ++ print_some(Root, Rest);
print_some(Root, Files) ->
    {0, Output} = run(Root, filename:join(Root, "build/release/fuzz/print_terms"), Files),
    Lines = binary:split(Output, <<"\n">>, [global, trim]),
    ?assertEqual(length(Files), length(Lines)),
    [begin
         {ok, Bytes} = file:read_file(File),
         Name = filename:basename(File),
         [Printed | Verdict] = binary:split(Line, <<" ">>, [global]),
         ?assertEqual(Name, binary_to_list(Printed)),
         {Name, Bytes, Verdict}
     end || {File, Line} <- lists:zip(Files, Lines)].

run(Folder, Program, Arguments) ->
    Port = open_port({spawn_executable, Program}, [{args, Arguments}, {cd, Folder}, binary, exit_status, hide,
                                                   {env, [{"MAKEFLAGS", false}, {"MAKELEVEL", false}]}]),
    collect(Port, <<>>).

collect(Port, Output) ->
    receive
        {Port, {data, More}} -> collect(Port, <<Output/binary, More/binary>>);
        {Port, {exit_status, Status}} -> {Status, Output}
    after 120000 ->
        error({no_end, Output})
    end.

%% {ok, Term, Used} of the bytes, which have no 131.
beam(Bytes) ->
    try
        {Term, Used} = binary_to_term(<<131, Bytes/binary>>, [used]),
        {ok, Term, Used - 1}
    catch
        error:badarg -> refused
    end.

%% Bytes on which the two need not agree, and why:
%% compressed      tag 80 behind the 131: etf_external's, not etf_check's
%% local           tag 121, from OTP 26 on: decoded only by the very node that made it
known_difference(<<80, _/binary>>) -> true;
known_difference(<<121, _/binary>>) -> true;
known_difference(_) -> false.

compared(Config) ->
    [Input || {_, Bytes, _} = Input <- proplists:get_value(inputs, Config), not known_difference(Bytes)].

%% What we take a BEAM takes, as many bytes of it, and the other way round.
same_bytes_accepted(Config) ->
    Different = [{Name, Bytes, Verdict, beam(Bytes)}
                 || {Name, Bytes, Verdict} <- compared(Config), accepted(Verdict) =/= accepted_by_beam(beam(Bytes))],
    ?assertEqual([], Different).

%% Bytes used, or refused.
accepted([<<"term">>, Size | _]) -> binary_to_integer(Size);
accepted([<<"duplicate">>, _]) -> refused;
accepted([<<"refused">>, _]) -> refused.

accepted_by_beam({ok, _, Used}) -> Used;
accepted_by_beam(refused) -> refused.

%% {Name, Term as this BEAM reads it, PHash2, Canonical, Text} of all that both take.
terms(Config) ->
    [{Name, Term, binary_to_integer(Hash), binary:decode_hex(Canonical), binary:decode_hex(Text)}
     || {Name, Bytes, [<<"term">>, _, Hash, Canonical, Text]} <- compared(Config), {ok, Term, _} <- [beam(Bytes)]].

canonical_bytes_are_the_same_term(Config) ->
    [begin
         ?assertMatch({true, _}, {Term =:= binary_to_term(<<131, Canonical/binary>>), Name}),
         erlang:system_info(otp_release) < "26" orelse
             ?assertEqual({Name, <<131, Canonical/binary>>}, {Name, term_to_binary(Term, [deterministic])})
     end || {Name, Term, _, Canonical, _} <- terms(Config)],
    ok.

%% Text without '$external' is what erl_parse reads.
text_reads_back(Config) ->
    [?assertMatch({true, _, _}, {Term =:= parse(Text), Name, Text})
     || {Name, Term, _, _, Text} <- terms(Config), binary:match(Text, <<"$external">>) =:= nomatch],
    ok.

parse(Text) ->
    {ok, Tokens, _} = erl_scan:string(unicode:characters_to_list(Text) ++ "."),
    {ok, Term} = erl_parse:parse_term(Tokens),
    Term.

hashes_agree(Config) ->
    [?assertEqual({Name, erlang:phash2(Term, 16#FFFFFFFF)}, {Name, Hash})
     || {Name, Term, Hash, _, _} <- terms(Config), is_hashed_alike(Term)],
    ok.

%% wire/phash2.h: integers, floats, atoms, bitstrings, and lists and tuples of them.
is_hashed_alike([Head | Tail]) -> is_hashed_alike(Head) andalso is_hashed_alike(Tail);
is_hashed_alike(Tuple) when is_tuple(Tuple) -> is_hashed_alike(tuple_to_list(Tuple));
is_hashed_alike(Term) -> is_number(Term) orelse is_atom(Term) orelse is_bitstring(Term) orelse Term =:= [].

%% What known_difference/1 excepts is different indeed.
known_differences_are_there(Config) ->
    <<131, Compressed/binary>> = term_to_binary(lists:duplicate(100, a), [compressed]),
    ?assert(known_difference(Compressed)),
    ?assertMatch({ok, _, _}, beam(Compressed)),
    File = filename:join(proplists:get_value(priv_dir, Config), "compressed"),
    ok = file:write_file(File, Compressed),
    ?assertMatch([{_, _, [<<"refused">>, _]}], print(root(), [File])).
