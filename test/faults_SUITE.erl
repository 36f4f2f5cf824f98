%% A disk that fails under a running node: full, read only, gone. What was acknowledged stays, errors are told, other
%% lists go on, and when the disk works again so does everything, without a restart.
%%
%% The folder is a small file system in memory, in a set of mounts of its own.
-module(faults_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(D, {2023, 12, 19}).

all() ->
    [full_disk, full_disk_under_load, read_only_disk, folder_away_under_load,
     folder_in_place_of_a_file].

suite() ->
    [{timetrap, {minutes, 2}}].

%% In a place without namespaces (a container that forbids them) there is nothing to be run.
init_per_suite(Config) ->
    ok = node_case:distribute(),
    case namespace:refused([mount]) of
        false -> Config;
        Refused -> {skip, "no mounts of one's own: " ++ Refused}
    end.

end_per_suite(_Config) ->
    node_case:clean().

init_per_testcase(_Case, Config) ->
    Place = namespace:start([mount]),
    Folder = node_case:folder(),
    ok = namespace:run(Place, "mount -t tmpfs -o size=12m,mode=0700 tmpfs " ++ Folder),
    [{place, Place}, {mounted, Folder} | Config].

end_per_testcase(_Case, Config) ->
    namespace:stop(?config(place, Config)).

start(Config) ->
    node_case:start(#{folder => ?config(mounted, Config), prefix => namespace:inside(?config(place, Config)),
                      arguments => ["--journal-limit", "4", "--workers", "2"]}).

remount(Config, Options) ->
    namespace:run(?config(place, Config), "mount -o remount," ++ Options ++ " " ++ ?config(mounted, Config)).

entry(Title) ->
    #{date => ?D, title => Title}.

%% Adds until it is refused: how many were acknowledged, and the reason.
add_until_refused(Server, Name, N) ->
    case catch gen_server:call(node_case:list(Server, Name), {add_entry, entry(binary:copy(<<"x">>, 20000))}, 30000) of
        {ok, _} -> add_until_refused(Server, Name, N + 1);
        {error, Reason} -> {N, Reason}
    end.

%% The next server of a list is there when the last one has gone with the reason of its failure.
size_of(Server, Name) ->
    gen_server:call(node_case:list(Server, Name), size).

add_again(Server, Name) ->
    node_case:await(fun() ->
                            try gen_server:call(node_case:list(Server, Name), {add_entry, entry(again)}) of
                                {ok, _} -> true;
                                {error, _} -> false
                            catch exit:_ -> false
                            end
                    end).

full_disk(Config) ->
    Server = start(Config),
    Quiet = node_case:list(Server, <<"quiet">>),
    {ok, 1} = gen_server:call(Quiet, {add_entry, entry(first)}),
    {Added, Reason} = add_until_refused(Server, <<"big">>, 0),
    ?assertEqual(enospc, Reason),
    ct:pal("~b entries of 20 kB on 12 MB", [Added]),
    %% What is there is read on, by everybody.
    ?assertEqual(1, gen_server:call(Quiet, size)),
    node_case:await(fun() -> (catch size_of(Server, <<"big">>)) =:= Added end),
    ?assertMatch({error, enospc}, gen_server:call(node_case:list(Server, <<"big">>),
                                                  {add_entry, entry(binary:copy(<<"y">>, 4000000))})),
    ok = remount(Config, "size=64m"),
    ok = add_again(Server, <<"big">>),
    ok = add_again(Server, <<"quiet">>),
    _ = node_case:kill(Server),
    Next = start(Config),
    ?assertEqual({Added + 1, 2}, {size_of(Next, <<"big">>), size_of(Next, <<"quiet">>)}),
    ?assertEqual(0, node_case:stop(Next)).

%% Several lists at once, and a kill while the disk is full.
full_disk_under_load(Config) ->
    Server = start(Config),
    Names = [<<"list", (integer_to_binary(N))/binary>> || N <- lists:seq(1, 8)],
    Self = self(),
    Clients = [spawn_link(fun() -> Self ! {self(), Name, add_until_refused(Server, Name, 0)} end) || Name <- Names],
    Added = [receive {Client, Name, {N, enospc}} -> {Name, N} end || Client <- Clients],
    _ = node_case:kill(Server),
    ok = remount(Config, "size=64m"),
    Next = start(Config),
    %% One more may be there: it was refused while it was on its way, and the node died before it wrote anything else.
    [?assert(lists:member(size_of(Next, Name) - N, [0, 1]), {Name, N, size_of(Next, Name)}) || {Name, N} <- Added],
    [ok = add_again(Next, Name) || Name <- Names],
    ?assertEqual(0, node_case:stop(Next)).

read_only_disk(Config) ->
    Server = start(Config),
    Bob = node_case:list(Server, <<"bob">>),
    {ok, 1} = gen_server:call(Bob, {add_entry, entry(first)}),
    %% Not while a file is open for writing: the journal is closed once all values are in their files.
    node_case:await(fun() -> journals(Config) =:= [] end),
    ok = remount(Config, "ro"),
    ?assertEqual({error, erofs}, gen_server:call(Bob, {add_entry, entry(second)})),
    node_case:await(fun() -> (catch size_of(Server, <<"bob">>)) =:= 1 end),
    ?assertEqual({error, erofs}, gen_server:call(node_case:database(Server), {store, key, value})),
    ok = remount(Config, "rw"),
    ok = add_again(Server, <<"bob">>),
    ?assertEqual(2, size_of(Server, <<"bob">>)),
    ?assertEqual(0, node_case:stop(Server)).

%% The folder is moved away and comes back, with acknowledged adds going on all the time.
folder_away_under_load(Config) ->
    Server = start(Config),
    Folder = filename:join(?config(mounted, Config), "inner"),
    Self = self(),
    Inner = node_case:start(#{folder => Folder, prefix => namespace:inside(?config(place, Config))}),
    Writer = spawn_link(fun() -> write(Inner, Self, 0) end),
    receive {Writer, acknowledged, 20} -> ok end,
    ok = namespace:run(?config(place, Config), "mv " ++ Folder ++ " " ++ Folder ++ ".away"),
    receive {Writer, refused, enoent} -> ok end,
    ok = namespace:run(?config(place, Config), "mv " ++ Folder ++ ".away " ++ Folder),
    flush(Writer),
    receive {Writer, acknowledged, _} -> ok end,
    Writer ! {stop, self()},
    Count = receive {Writer, count, N} -> N end,
    _ = node_case:kill(Inner),
    Next = node_case:start(#{folder => Folder, prefix => namespace:inside(?config(place, Config))}),
    ?assertEqual(Count, size_of(Next, <<"bob">>)),
    ?assertEqual(0, node_case:stop(Next)),
    ?assertEqual(0, node_case:stop(Server)).

%% One key cannot be written. It is served all the same, and what others change does not suffer from it, however much it is.
folder_in_place_of_a_file(Config) ->
    Arguments = #{folder => ?config(mounted, Config), prefix => namespace:inside(?config(place, Config)),
                  arguments => ["--journal-limit", "1", "--workers", "1"]},
    Server = node_case:start(Arguments),
    Bob = filename:join(?config(mounted, Config), "bob"),
    {ok, 1} = gen_server:call(node_case:list(Server, <<"bob">>), {add_entry, entry(first)}),
    node_case:await(fun() -> journals(Config) =:= [] end),
    ok = namespace:run(?config(place, Config), "rm " ++ Bob),
    ok = namespace:run(?config(place, Config), "mkdir " ++ Bob),
    {ok, 2} = gen_server:call(node_case:list(Server, <<"bob">>), {add_entry, entry(second)}),
    Limits = 10,
    [begin
         ok = gen_server:call(node_case:database(Server), {store, other, {N, binary:copy(<<"x">>, 20000)}}),
         N rem 50 =/= 0 orelse gen_server:call(node_case:list(Server, <<"bob">>), {add_entry, entry(N)})
     end || N <- lists:seq(1, Limits * 50)],
    ?assert(length(journals(Config)) =< 8, journals(Config)), % segments of a quarter of the limit
    ?assertEqual(2 + Limits, size_of(Server, <<"bob">>)),
    ok = namespace:run(?config(place, Config), "rmdir " ++ Bob),
    node_case:await(fun() -> journals(Config) =:= [] end),
    _ = node_case:kill(Server),
    Next = node_case:start(Arguments),
    ?assertEqual(2 + Limits, size_of(Next, <<"bob">>)),
    ?assertMatch({500, _}, gen_server:call(node_case:database(Next), {get, other})),
    ?assertEqual(0, node_case:stop(Next)).

%% Tells of each add that was acknowledged how many there are by then, and of each that was refused why.
write(Server, Parent, Count) ->
    receive
        {stop, From} -> From ! {self(), count, Count}
    after 0 ->
            case catch gen_server:call(node_case:list(Server, <<"bob">>), {add_entry, entry(Count)}) of
                {ok, _} -> Parent ! {self(), acknowledged, Count + 1}, write(Server, Parent, Count + 1);
                {error, Reason} -> Parent ! {self(), refused, Reason}, write(Server, Parent, Count);
                {'EXIT', _} -> write(Server, Parent, Count)
            end
    end.

flush(Writer) ->
    receive {Writer, _, _} -> flush(Writer) after 0 -> ok end.

journals(Config) ->
    string:lexemes(os:cmd(string:join(namespace:inside(?config(place, Config))
                                      ++ ["ls -A", ?config(mounted, Config), "| grep journal"], " ")), "\n").
