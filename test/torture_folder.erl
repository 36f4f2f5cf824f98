%% The keys that the clients work on, and what is in the folder of a node that has ended.
-module(torture_folder).

-export([keys/0, torn/1, contents/1, keep/1, kept/1]).

-type kind() :: list | value.
-type key() :: binary() | atom() | integer() | string().
-export_type([kind/0, key/0]).

-define(KEYS_OF_A_TYPE, 12).
%% A file name of a longer key ends in a digest.
-define(LONG, 40).

%% Keys of every type, long ones too: lists of entries, and values that are none.
-spec keys() -> [{kind(), key()}].
keys() ->
    [{Kind, Key} || {Kind, Key, _} <- names()].

%% With the names of their files, as docs/disk-format.md has them; of a long one only the beginning.
names() ->
    [{Kind, Key, Name} || Kind <- [list, value], N <- lists:seq(1, ?KEYS_OF_A_TYPE),
                          {Key, Name} <- names(atom_to_list(Kind) ++ " " ++ integer_to_list(N), N + number(Kind))]
        ++ [{Kind, binary:copy(Word, ?LONG), {long, binary_to_list(Word)}}
            || {Kind, Word} <- [{list, <<"long list ">>}, {value, <<"long value ">>}]].

number(list) -> 0;
number(value) -> 1000.

names(Name, Number) ->
    [{list_to_binary(Name), Name}, {list_to_atom(Name), "%a." ++ Name}, {Name, "%l." ++ Name},
     {Number, "%i." ++ integer_to_list(Number)}].

%% The value files that are no whole terms. Names with a leading dot belong to the store.
-spec torn(file:filename()) -> [file:filename()].
torn(Folder) ->
    [Name || Name <- all_names(Folder), hd(Name) =/= $., value(Folder, Name) =:= {error, torn}].

%% The value of each key that has one, and the files that belong to none.
-spec contents(file:filename()) -> {#{key() => term()}, [file:filename()]}.
contents(Folder) ->
    All = all_names(Folder),
    Found = [{Key, Name} || {_, Key, Pattern} <- names(), Name <- All, matches(Pattern, Name)],
    {maps:from_list([{Key, value(Folder, Name)} || {Key, Name} <- Found]), All -- [Name || {_, Name} <- Found]}.

matches({long, Beginning}, Name) -> lists:prefix(Beginning, Name);
matches(Name, Name) -> true;
matches(_, _) -> false.

all_names(Folder) ->
    {ok, Names} = file:list_dir_all(Folder),
    lists:sort(Names).

%% Behind the value of a long key stands the key.
value(Folder, Name) ->
    {ok, Bytes} = file:read_file(filename:join(Folder, Name)),
    try
        {Value, Used} = binary_to_term(Bytes, [used]),
        <<_:Used/binary, Rest/binary>> = Bytes,
        Rest =:= <<>> orelse binary_to_term(Rest),
        Value
    catch
        error:_ -> {error, torn}
    end.

%% Copies the folder as it is now; forgets the copy before.
-spec keep(file:filename()) -> ok.
keep(Folder) ->
    "" = os:cmd("rm -rf " ++ kept(Folder) ++ " && cp -a " ++ Folder ++ " " ++ kept(Folder)),
    ok.

-spec kept(file:filename()) -> file:filename().
kept(Folder) ->
    Folder ++ ".ended".
