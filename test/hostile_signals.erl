%% Attacks on a node by nodes that have the cookie. Each returns when it is over.
-module(hostile_signals).

-export([all/0]).

-define(TIMEOUT_MS, 10000).
-define(MIB, (1024 * 1024)).
-define(NAMES, ['Elixir.Todo.Cache', 'Elixir.Todo.Database', 'Elixir.Todo.List', 'Elixir.Todo.System', rex, net_kernel,
                appmon_info]).

-spec all() -> [{atom(), fun((hostile:context()) -> ok)}].
all() ->
    [{broken_frames, fun broken_frames/1}, {cut_frames, fun cut_frames/1}, {claimed_frames, fun claimed_frames/1},
     {slow_frames, fun slow_frames/1}, {silent_peers, fun silent_peers/1}, {mutated_frames, fun mutated_frames/1},
     {mutated_streams, fun mutated_streams/1}, {odd_messages, fun odd_messages/1}, {odd_keys, fun odd_keys/1},
     {odd_requests, fun odd_requests/1}, {large_controls, fun large_controls/1}, {floods, fun floods/1},
     {monitors_and_links, fun monitors_and_links/1}, {many_lists, fun many_lists/1},
     {many_unknown_nodes, fun many_unknown_nodes/1}, {never_reading, fun never_reading/1},
     {many_connections, fun many_connections/1}, {taken_name, fun taken_name/1}].

peer(#{target := Target}) ->
    raw_peer:drain(raw_peer:connect(Target, raw_peer:name())).

%% ---- frames ----

%% Each is a reason to end the connection, and nobody is meant by what it says.
broken_frames(#{target := Target}) ->
    Names = [Name || {Name, _} <- hostile_frames:broken(raw_peer:connect(Target, raw_peer:name("list")))],
    lists:foreach(fun(Name) ->
                          Peer = raw_peer:connect(Target, raw_peer:name()),
                          {Name, Frame} = lists:keyfind(Name, 1, hostile_frames:broken(Peer)),
                          _ = raw_peer:bytes(Peer, Frame),
                          try
                              ok = raw_peer:closed(Peer)
                          catch
                              error:still_open -> error({still_open, Name})
                          end
                  end, Names).

%% The end is missing, and then the connection ends.
cut_frames(#{target := Target} = Context) ->
    {List, _} = odd_list(Context),
    _ = [begin
             Peer = raw_peer:connect(Target, raw_peer:name()),
             Whole = hostile:pick(recorded(Context, Peer, List)),
             ok = raw_peer:bytes(Peer, binary:part(Whole, 0, rand:uniform(byte_size(Whole)))),
             end_somehow(Peer)
         end || _ <- lists:seq(1, hostile:count(Context, 100))],
    ok.

%% A frame is not allocated before it arrives: many claim a gigabyte.
claimed_frames(#{target := Target} = Context) ->
    Before = hostile:memory(Context),
    Peers = [begin
                 Peer = raw_peer:connect(Target, raw_peer:name()),
                 ok = raw_peer:bytes(Peer, <<(1024 * ?MIB):32, 112, 131>>),
                 Peer
             end || _ <- lists:seq(1, hostile:count(Context, 50))],
    ok = hostile:answers(raw_peer:connect(Target, raw_peer:name()), maps:get(node, Target)),
    true = hostile:memory(Context) - Before < 64,
    lists:foreach(fun raw_peer:close/1, Peers).

%% One byte at a time: it is a frame like any other.
slow_frames(#{target := #{node := Node} = Target}) ->
    Peer = raw_peer:connect(Target, raw_peer:name()),
    Reference = hostile:call_frame(Peer, Node, 'Elixir.Todo.Cache', count),
    _ = [begin ok = raw_peer:bytes(Peer, [Byte]), erlang:yield() end || <<Byte>> <= Reference],
    {ok, _} = raw_peer:receive_frame(Peer, ?TIMEOUT_MS),
    raw_peer:close(Peer).

%% Nothing but ticks, or nothing at all.
silent_peers(#{target := Target} = Context) ->
    Peers = [raw_peer:connect(Target, raw_peer:name()) || _ <- lists:seq(1, hostile:count(Context, 20))],
    _ = [ok = raw_peer:bytes(Peer, binary:copy(<<0:32>>, 1000)) || Peer <- Peers],
    lists:foreach(fun end_somehow/1, Peers).

%% Real frames, changed, until the connection is ended; then on another one.
mutated_frames(Context) ->
    mutated_frames(Context, hostile:count(Context, 2000)).

mutated_frames(_Context, 0) ->
    ok;
mutated_frames(Context, Left) ->
    {List, _} = odd_list(Context),
    Peer = peer(Context),
    Rest = mutated_frames(Peer, recorded(Context, Peer, List), min(Left, 100), Left),
    end_somehow(Peer),
    mutated_frames(Context, Rest).

mutated_frames(_Peer, _Frames, 0, Left) ->
    Left;
mutated_frames(Peer, Frames, N, Left) ->
    <<_:32, Body/binary>> = hostile:pick(Frames),
    <<_:32, Other/binary>> = hostile:pick(Frames),
    case raw_peer:bytes(Peer, raw_peer:body(hostile_frames:mutate(Body, Other))) of
        ok -> mutated_frames(Peer, Frames, N - 1, Left - 1);
        {error, _} -> Left - 1
    end.

%% The lengths of frames are not spared either, and a stream of them is sent in odd parts.
mutated_streams(Context) ->
    _ = [mutated_stream(Context) || _ <- lists:seq(1, hostile:count(Context, 100))],
    ok.

mutated_stream(Context) ->
    {List, _} = odd_list(Context),
    Peer = peer(Context),
    Frames = recorded(Context, Peer, List),
    in_parts(Peer, hostile_frames:mutate(iolist_to_binary([hostile:pick(Frames) || _ <- lists:seq(1, 10)]))).

in_parts(Peer, <<>>) ->
    end_somehow(Peer);
in_parts(Peer, Bytes) ->
    {Part, Rest} = split_binary(Bytes, rand:uniform(byte_size(Bytes))),
    case raw_peer:bytes(Peer, Part) of
        ok -> in_parts(Peer, Rest);
        {error, _} -> raw_peer:close(Peer)
    end.

recorded(#{recorded := Recorded, target := #{node := Node}}, #{name := Name}, List) ->
    [raw_peer:body(Frame) || Frame <- hostile_frames:readdressed(Recorded, Name, Node, List)].

%% ---- terms ----

%% To every registered process, as a message, a cast, a call, a fast call, a system message.
odd_messages(Context) ->
    Peer = peer(Context),
    Own = raw_peer:pid(Peer, 1),
    _ = [raw_peer:send(Peer, {6, Own, '', Name}, Form({ext, Term}))
         || {_, Term} <- terms(Context), Form <- forms(Own), Name <- names(Context)],
    raw_peer:close(Peer).

forms(Own) ->
    [fun(Term) -> Term end, fun(Term) -> {'$gen_cast', Term} end, fun(Term) -> {'$gen_call', Term, Term} end,
     fun(Term) -> {'$gen_call', {Own, Term}, Term} end, fun(Term) -> {'$todo_call', Term, Term} end,
     fun(Term) -> {'$todo_call', {Own, Term}, Term} end, fun(Term) -> {'$todo_cancel', Term} end,
     fun(Term) -> {system, {Own, Term}, Term} end, fun(Term) -> {system, Term, get_state} end,
     fun(Term) -> {'EXIT', Own, Term} end, fun(Term) -> {'DOWN', Term, process, Own, Term} end,
     fun(Term) -> {nodedown, Term} end, fun(Term) -> {Own, Term} end,
     fun(Term) -> {Own, {call, erlang, Term, [], Own}} end].

%% As names of lists, keys, dates, entries, values of lists.
odd_keys(#{target := #{node := Node}} = Context) ->
    Peer = peer(Context),
    _ = [raw_peer:bytes(Peer, hostile:call_frame(Peer, Node, To, Request))
         || {_, Bytes} <- terms(Context), {To, Requests} <- requests({ext, Bytes}), Request <- Requests],
    raw_peer:close(Peer).

requests(Term) ->
    [{'Elixir.Todo.Cache', [{server_process, Term}, {whereis, Term}, {terminate_child, Term}]},
     {'Elixir.Todo.Database', [{get, Term}, {delete, Term}, {choose_worker, Term}, {set_aside, Term},
                               {hold_journals, Term}, {restart_child, Term}]},
     {'Elixir.Todo.List', [{new, Term}, {size, Term}, {entries, Term, Term}, {add_entry, Term, Term},
                           {delete_entry, Term, Term}]}].

%% To a list, which keeps what it takes, and goes on with it.
odd_requests(#{target := #{node := Node}} = Context) ->
    Peer = peer(Context),
    {List, _} = odd_list(Context),
    Own = raw_peer:pid(Peer, 1),
    _ = [raw_peer:send(Peer, {2, '', List}, {'$gen_call', {Own, raw_peer:reference(Peer)}, Request})
         || {_, Bytes} <- terms(Context), Term <- [{ext, Bytes}], Request <- list_requests(Term)],
    ok = hostile:answers(raw_peer:connect(maps:get(target, Context), raw_peer:name()), Node),
    exit(List, kill),
    raw_peer:close(Peer).

list_requests(Term) ->
    [Term, {add_entry, Term}, {add_entry, map([{date, Term}])}, {add_entry, map([{date, x}, {Term, Term}])},
     {add_entry, map([{date, x}, {id, Term}])}, {add_entries, Term}, {entries, Term}, {entry, Term},
     {delete_entry, Term}, {update_entry, Term, Term}, {update_entry, 1, map([{date, Term}])},
     {replace_entry, 1, Term, Term}, {subscribe, Term}, {subscribe, Term, Term}, {unsubscribe, Term}].

%% As they are, whatever keys there are.
map(Pairs) ->
    {ext, [116, <<(length(Pairs)):32>> | [[raw_peer:ext(Key), raw_peer:ext(Value)] || {Key, Value} <- Pairs]]}.

odd_list(#{target := #{node := Node}}) ->
    Name = <<"odd ", (integer_to_binary(erlang:unique_integer([positive])))/binary>>,
    {gen_server:call({'Elixir.Todo.Cache', Node}, {server_process, Name}), Name}.

terms(#{scale := full}) ->
    hostile_frames:odd_terms(20000);
terms(#{scale := random}) ->
    [hostile:pick(hostile_frames:odd_terms(hostile:pick([1000, 20000, 200000]))) || _ <- lists:seq(1, 5)].

%% Large ones where small ones are expected.
large_controls(#{target := #{node := Node, creation := Creation}} = Context) ->
    Size = hostile:pick([?MIB, 4 * ?MIB]),
    Ours = raw_peer:foreign_pid(atom_to_binary(Node), 4711, Creation),
    _ = [begin
             Peer = peer(Context),
             Own = raw_peer:pid(Peer, 1),
             Ref = raw_peer:reference(Peer),
             _ = raw_peer:send(Peer, {12, '', Ours, {ext, Term}}, {ext, Term}),
             _ = raw_peer:send(Peer, {8, Own, Ours, {ext, Term}}),
             _ = raw_peer:send(Peer, {3, Own, Ours, {ext, Term}}),
             _ = raw_peer:send(Peer, {2, {ext, Term}, Ours}, x),
             _ = raw_peer:send(Peer, {29, Ref, Own, Own, {erlang, node, 0}, [{ext, Term}]}, []),
             _ = raw_peer:send(Peer, {29, Ref, Own, Own, {erlang, node, 0}, {ext, Term}}, [{ext, Term}]),
             _ = raw_peer:send(Peer, {29, Ref, Own, Own, {erpc, execute_call, 4}, [monitor]},
                               [make_ref(), erlang, node, {ext, Term}]),
             raw_peer:close(Peer)
         end || {Name, Term} <- hostile_frames:odd_terms(Size),
                lists:member(Name, [bignum, string, char_list, nested_list, wide_map, empty_lists, wide_tuple])],
    ok.

%% ---- floods ----

%% Of each control message, as fast as the socket takes them.
floods(#{target := #{node := Node, creation := Creation}} = Context) ->
    Count = hostile:count(Context, 10000),
    Dead = raw_peer:foreign_pid(atom_to_binary(Node), 16#7ffffff, Creation),
    Earlier = raw_peer:foreign_pid(atom_to_binary(Node), 1, Creation + 1),
    {List, _} = odd_list(Context),
    lists:foreach(
      fun(Kind) ->
              Peer = peer(Context),
              Frames = [flood_frame(Kind, Peer, hostile:pick([Dead, Earlier, List])) || _ <- lists:seq(1, 200)],
              _ = [raw_peer:bytes(Peer, Frames) || _ <- lists:seq(1, Count div 200 + 1)],
              %% It is still there, and knows its turn: what was sent is done.
              ok = hostile:answers(raw_peer:connect(maps:get(target, Context), raw_peer:name()), Node),
              end_somehow(Peer)
      end, kinds(Context)),
    exit(List, kill),
    ok.

kinds(#{scale := full}) ->
    lists:seq(1, 22);
kinds(#{scale := random}) ->
    [rand:uniform(22)].

flood_frame(Kind, Peer, To) ->
    Own = raw_peer:pid(Peer, rand:uniform(3)),
    Ref = raw_peer:reference(Peer),
    flood_frame(Kind, Own, Ref, To).

flood_frame(1, _, _, To) -> raw_peer:frame({2, '', To}, hello);
flood_frame(2, Own, _, _) -> raw_peer:frame({6, Own, '', nobody}, hello);
flood_frame(3, Own, Ref, To) -> raw_peer:frame({19, Own, To, Ref});
flood_frame(4, Own, _, To) -> raw_peer:frame({1, Own, To});
flood_frame(5, Own, _, To) -> raw_peer:frame({3, Own, To, kill});
flood_frame(6, Own, _, To) -> raw_peer:frame({8, Own, To, normal});
flood_frame(7, Own, _, To) -> raw_peer:frame({7, Own, To});
flood_frame(8, Own, Ref, _) -> raw_peer:frame({29, Ref, Own, Own, {erlang, node, 0}, [monitor, link]}, []);
flood_frame(9, Own, _, To) -> raw_peer:frame({35, rand:uniform(1 bsl 60), Own, To});
flood_frame(10, Own, Ref, To) -> raw_peer:frame({20, Own, To, Ref});
flood_frame(11, Own, Ref, _) -> raw_peer:frame({33, Own, Ref}, hello);
flood_frame(12, Own, _, To) -> raw_peer:frame({37, 0, Own, To}, hello);
flood_frame(13, Own, Ref, To) -> raw_peer:frame({2, '', To}, {'$todo_call', {Own, [alias | Ref]}, size});
flood_frame(14, Own, _, To) -> raw_peer:frame({2, '', To}, {'$gen_call', Own, size});
flood_frame(15, Own, _, To) -> raw_peer:frame({36, 1, Own, To});
flood_frame(16, Own, Ref, To) -> raw_peer:frame({21, To, Own, Ref, normal});
flood_frame(17, Own, Ref, To) -> raw_peer:frame({28, To, Own, Ref}, normal);
flood_frame(18, Own, Ref, _) -> raw_peer:frame({31, Ref, Own, 0, Own});
flood_frame(19, Own, Ref, _) -> raw_peer:frame({29, Ref, Own, Own, {nothing, nothing, 0}, []}, []);
flood_frame(20, Own, Ref, _) -> raw_peer:frame({6, Own, '', 'Elixir.Todo.Cache'}, {'$gen_call', {Own, Ref}, names});
flood_frame(21, Own, Ref, _) -> raw_peer:frame({6, Own, '', rex}, {Own, {call, erlang, processes, [], Ref}});
flood_frame(22, Own, Ref, _) -> raw_peer:frame({19, Own, hostile:pick(?NAMES), Ref}).

%% Standing monitors and links of one connection, and their end.
monitors_and_links(#{target := #{node := Node} = Target} = Context) ->
    Peer = peer(Context),
    {List, _} = odd_list(Context),
    Count = hostile:count(Context, 50000),
    _ = [raw_peer:bytes(Peer, [[raw_peer:frame({19, raw_peer:pid(Peer, N), List, raw_peer:reference(Peer)}),
                                raw_peer:frame({1, raw_peer:pid(Peer, N), List})] || N <- lists:seq(M, M + 99)])
         || M <- lists:seq(1, Count, 100)],
    ok = hostile:answers(raw_peer:connect(Target, raw_peer:name()), Node),
    case rand:uniform(2) of
        1 -> exit(List, kill), end_somehow(Peer);
        2 -> end_somehow(Peer), exit(List, kill)
    end,
    ok.

%% A name is a process.
many_lists(#{target := #{node := Node}} = Context) ->
    Peer = peer(Context),
    Start = erlang:unique_integer([positive]),
    _ = [raw_peer:bytes(Peer, [hostile:call_frame(Peer, Node, 'Elixir.Todo.Cache',
                                                  {server_process, <<"odd ", Start:64, N:32>>})
                               || N <- lists:seq(M, M + 99)])
         || M <- lists:seq(1, hostile:count(Context, 20000), 100)],
    _ = gen_server:call({'Elixir.Todo.Cache', Node}, count, 60000),
    raw_peer:close(Peer).

%% Each is a node that has to be looked for.
many_unknown_nodes(#{target := #{node := Node}} = Context) ->
    Peer = peer(Context),
    Own = raw_peer:pid(Peer, 1),
    _ = [begin
             Name = raw_peer:name("unknown"),
             From = raw_peer:foreign_pid(Name, 1, 1),
             raw_peer:send(Peer, {6, Own, '', 'Elixir.Todo.Cache'}, {'$gen_call', {From, [tag]}, count})
         end || _ <- lists:seq(1, hostile:count(Context, 300))],
    ok = hostile:answers(raw_peer:connect(maps:get(target, Context), raw_peer:name()), Node),
    raw_peer:close(Peer).

%% Much is asked for by many, nothing is read: what waits for all of them together has a bound too.
never_reading(#{target := #{node := Node} = Target} = Context) ->
    {List, _} = odd_list(Context),
    [{ok, _} = gen_server:call(List, {add_entry, #{date => N, title => binary:copy(<<"x">>, ?MIB)}}) || N <- [1, 2]],
    Peers = [raw_peer:connect(Target, raw_peer:name()) || _ <- lists:seq(1, hostile:count(Context, 60))],
    _ = [raw_peer:bytes(Peer, [raw_peer:frame({2, '', List}, {'$gen_call', {raw_peer:pid(Peer, 1), [tag]}, entries})
                               || _ <- lists:seq(1, 20)])
         || Peer <- Peers],
    ok = hostile:answers(raw_peer:connect(Target, raw_peer:name()), Node),
    Memory = hostile:memory(Context),
    Memory < hostile:memory_max(Context) orelse error({memory, Memory}),
    lists:foreach(fun end_somehow/1, Peers),
    exit(List, kill),
    ok.

%% ---- connections ----

many_connections(#{target := #{node := Node} = Target} = Context) ->
    Peers = [raw_peer:connect(Target, raw_peer:name()) || _ <- lists:seq(1, hostile:count(Context, 400))],
    _ = [raw_peer:send(Peer, {19, raw_peer:pid(Peer, 1), 'Elixir.Todo.Cache', raw_peer:reference(Peer)})
         || Peer <- Peers],
    ok = hostile:answers(hd(Peers), Node),
    lists:foreach(fun end_somehow/1, Peers).

%% The newer connection of a name counts.
taken_name(#{target := #{node := Node} = Target} = Context) ->
    Name = raw_peer:name(),
    Last = lists:foldl(fun(_, Older) ->
                               _ = [hostile:call(Older, Node, 'Elixir.Todo.Cache', names) || _ <- lists:seq(1, 10)],
                               Newer = raw_peer:connect(Target, Name),
                               ok = raw_peer:closed(Older),
                               Newer
                       end, raw_peer:connect(Target, Name), lists:seq(1, hostile:count(Context, 20))),
    ok = hostile:answers(Last, Node),
    raw_peer:close(Last).

names(#{scale := full}) -> ?NAMES;
names(#{scale := random}) -> [hostile:pick(?NAMES)].

end_somehow(Peer) ->
    case rand:uniform(2) of
        1 -> raw_peer:close(Peer);
        2 -> raw_peer:reset(Peer)
    end.
