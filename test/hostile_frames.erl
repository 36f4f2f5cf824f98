%% What hostile peers send: frames that no decoder likes, mutations of real ones, and the real ones: what a BEAM sent to
%% a node that stood in for the target.
-module(hostile_frames).

-export([record/1, readdressed/4, mutate/1, mutate/2, broken/1, odd_terms/1, nested/2]).

-define(TIMEOUT_MS, 10000).
-define(NAMES, ['Elixir.Todo.Cache', 'Elixir.Todo.Database', 'Elixir.Todo.List', 'Elixir.Todo.System', rex, net_kernel,
                appmon_info, nobody]).

%% list: where in the frames a list stands, the numbers of its pid.
-type recorded() :: #{frames := [binary()], from := node(), to := binary(), list := binary()}.
-export_type([recorded/0]).

%% ---- real traffic ----

%% This BEAM takes a raw peer for a node and says to it what it would say to the target: the bodies of the frames, with
%% the names of both as they were sent. The pids in them are those of the target, but for the node.
-spec record(raw_peer:target()) -> recorded().
record(Target) ->
    Name = raw_peer:name("record"),
    Listener = raw_peer:listen(Name),
    Node = binary_to_atom(Name),
    Self = self(),
    Recorder = spawn_link(fun() -> serve(Listener, Target, Self) end),
    true = net_kernel:connect_node(Node),
    List = gen_server:call({'Elixir.Todo.Cache', maps:get(node, Target)}, {server_process, <<"recorded">>}),
    Pids = [binary_to_term(<<131, 88, (small_atom(Name))/binary, (numbers(Pid))/binary>>)
            || Pid <- [List, erpc:call(maps:get(node, Target), erlang, whereis, ['Elixir.Todo.Cache'])]],
    Speaker = spawn(fun() -> speak(Node, Pids) end),
    Frames = receive {Recorder, frames, Recorded} -> Recorded after ?TIMEOUT_MS -> error(not_recorded) end,
    exit(Speaker, kill),
    true = erlang:disconnect_node(Node),
    #{frames => Frames, from => node(), to => Name, list => numbers(List)}.

%% Id, serial, creation.
numbers(Pid) ->
    Bytes = term_to_binary(Pid),
    binary:part(Bytes, byte_size(Bytes), -12).

serve(Listener, #{creation := Creation, cookie := Cookie}, Parent) ->
    #{name := Name} = Listener,
    Socket = raw_peer:accept(Listener, ?TIMEOUT_MS),
    {ok, <<_, _/binary>>} = raw_peer:next_packet(Socket),
    ok = raw_peer:packet(Socket, <<"sok">>),
    ok = raw_peer:packet(Socket, <<$N, (raw_peer:flags()):64, 1:32, Creation:32, (byte_size(Name)):16, Name/binary>>),
    {ok, <<$r, Challenge:32, _/binary>>} = raw_peer:next_packet(Socket),
    ok = raw_peer:packet(Socket, <<$a, (raw_peer:digest(Cookie, Challenge))/binary>>),
    Peer = #{socket => Socket, name => Name, target => #{}},
    Parent ! {self(), frames, until_last(Peer)},
    raw_peer:unlisten(Listener),
    raw_peer:closed(Socket).

until_last(Peer) ->
    {ok, Frame} = raw_peer:receive_frame(Peer, ?TIMEOUT_MS),
    case binary:match(Frame, <<"last word">>) of
        nomatch -> [Frame | until_last(Peer)];
        _ -> []
    end.

%% What is sent in real life, to a list and the registered processes. Nobody answers.
speak(Node, [List, Cache] = Pids) ->
    process_flag(trap_exit, true),
    Entry = #{date => {2023, 12, 19}, title => <<"Dentist">>, more => [1.5, "text", {x, 1 bsl 70}]},
    _ = [gen_server:send_request(To, Request)
         || To <- [List],
            Request <- [{add_entry, Entry}, {add_entries, [Entry, Entry]}, {entries, {2023, 12, 19}}, entries, size,
                        sync, {entry, 1}, {update_entry, 1, Entry}, {replace_entry, 1, Entry, Entry},
                        {delete_entry, 1}, {subscribe, self()}, {subscribe, self(), [{ack, 1000}]},
                        {unsubscribe, self()}, nonsense]],
    _ = [gen_server:send_request({'Elixir.Todo.Cache', Node}, Request)
         || Request <- [{server_process, <<"mutant">>}, {server_process, "char list"}, {whereis, atom}, count, names,
                        which_children, count_children]],
    _ = [gen_server:send_request({'Elixir.Todo.Database', Node}, Request)
         || Request <- [{get, <<"mutant">>}, {store, key, Entry}, {store, 4711, [Entry]}, {delete, key}, keys, sync,
                        {choose_worker, key}, {set_aside, key}, {hold_journals, self()}, which_children]],
    _ = [gen_server:send_request({'Elixir.Todo.List', Node}, Request)
         || Request <- [{new, [Entry]}, {size, #{}}, {entries, value(), {2023, 12, 19}},
                        {put_entry, value(), 1, Entry}]],
    _ = [gen_server:cast(List, Request)
         || Request <- [{add_entry, Entry}, {update_entry, 1, Entry}, {delete_entry, 7}]],
    _ = [List ! {system, {self(), make_ref()}, Command}
         || Command <- [get_state, get_status, {debug, {trace, true}}, {debug, {statistics, get}}, resume]],
    _ = [List ! {'$todo_call', {self(), [alias | erlang:alias()]}, Request} || Request <- [size, entries, {entry, 1}]],
    _ = [{Name, Node} ! {'$todo_call', {self(), make_ref()}, hello} || Name <- ?NAMES],
    List ! {'$todo_cancel', [alias | erlang:alias()]},
    Monitors = [monitor(process, To) || To <- [{nobody, Node}, {'Elixir.Todo.Cache', Node} | Pids]],
    _ = [link(Pid) || Pid <- Pids],
    _ = [unlink(Pid) || Pid <- Pids],
    _ = [demonitor(Monitor) || Monitor <- Monitors],
    _ = [spawn_request(Node, erlang, Function, [], Options) || Function <- [node, processes],
                                                              Options <- [[], [monitor], [link, monitor]]],
    _ = [erpc:send_request(Node, erlang, Function, Arguments)
         || {Function, Arguments} <- [{node, []}, {process_info, [Cache]}, {system_info, [node_tables]},
                                      {whereis, [rex]}, {send, [List, hello]}]],
    _ = [{rex, Node} ! {self(), {call, erlang, memory, [], group_leader()}}],
    _ = group_leader(group_leader(), List),
    exit(List, a_reason),
    {last, Node} ! <<"last word">>,
    receive after infinity -> ok end.

value() ->
    #{'__struct__' => 'Elixir.Todo.List', next_id => 2,
      entries => #{1 => #{id => 1, date => {2023, 12, 19}, title => <<"Dentist">>}}}.

%% The frames as the peer From would send them to the node To, where List is the list.
-spec readdressed(recorded(), binary(), node(), pid()) -> [binary()].
readdressed(#{frames := Frames, from := OldFrom, to := OldTo, list := OldList}, From, To, List) ->
    [begin
         Named = named(named(Frame, OldTo, atom_to_binary(To)), atom_to_binary(OldFrom), From),
         binary:replace(Named, OldList, numbers(List), [global])
     end || Frame <- Frames].

named(Frame, Old, New) ->
    Small = binary:replace(Frame, small_atom(Old), small_atom(New), [global]),
    binary:replace(Small, old_atom(Old), old_atom(New), [global]).

small_atom(Name) -> <<119, (byte_size(Name)), Name/binary>>.

old_atom(Name) -> <<100, (byte_size(Name)):16, Name/binary>>.

%% ---- mutations ----

%% Changed in one to three ways.
-spec mutate(binary()) -> binary().
mutate(Bytes) ->
    mutate(Bytes, Bytes).

%% Other: some other bytes, of which parts may come in.
-spec mutate(binary(), binary()) -> binary().
mutate(Bytes, Other) ->
    lists:foldl(fun(_, Changed) -> change(rand:uniform(9), Changed, Other) end, Bytes, lists:seq(1, rand:uniform(3))).

change(_, <<>>, Other) ->
    Other;
change(1, Bytes, _) ->
    {Before, <<Byte, After/binary>>} = cut_before(Bytes),
    <<Before/binary, (Byte bxor (1 bsl (rand:uniform(8) - 1))), After/binary>>;
change(2, Bytes, _) ->
    {Before, <<_, After/binary>>} = cut_before(Bytes),
    Byte = pick([0, 1, 127, 128, 255, 97, 98, 104, 105, 106, 107, 108, 109, 110, 111, 116, 80, 88, 90, 112, 119]),
    <<Before/binary, Byte, After/binary>>;
change(3, Bytes, _) ->
    {Before, _} = cut_before(Bytes),
    Before;
change(4, Bytes, _) ->
    {Before, After} = cut_before(Bytes),
    <<Before/binary, (rand:bytes(rand:uniform(8)))/binary, After/binary>>;
change(5, Bytes, _) ->
    {Before, After} = cut_before(Bytes),
    <<Before/binary, (part(Bytes))/binary, After/binary>>;
change(6, Bytes, Other) ->
    {Before, After} = cut_before(Bytes),
    <<Before/binary, (part(Other))/binary, After/binary>>;
change(7, Bytes, _) ->
    {Before, After} = cut_before(Bytes),
    {_, Rest} = split_binary(After, min(4, byte_size(After))),
    <<Before/binary, (pick([0, 1, 16#7fffffff, 16#80000000, 16#ffffffff, 16#fffffff0])):32, Rest/binary>>;
change(8, Bytes, _) ->
    {Before, After} = cut_before(Bytes),
    {_, Rest} = split_binary(After, rand:uniform(byte_size(After))),
    <<Before/binary, Rest/binary>>;
change(9, Bytes, Other) ->
    {Before, _} = cut_before(Bytes),
    <<Before/binary, (part(Other))/binary>>.

%% The second part is not empty.
cut_before(Bytes) ->
    split_binary(Bytes, rand:uniform(byte_size(Bytes)) - 1).

part(Bytes) ->
    From = rand:uniform(byte_size(Bytes)) - 1,
    binary:part(Bytes, From, rand:uniform(min(64, byte_size(Bytes) - From))).

pick(List) ->
    lists:nth(rand:uniform(length(List)), List).

%% ---- made by hand ----

%% Whole frames, each of which ends a connection. Of: the peer that sends them.
-spec broken(raw_peer:peer()) -> [{atom(), iodata()}].
broken(#{target := #{node := Node, creation := Creation}} = Peer) ->
    Own = raw_peer:pid(Peer, 1),
    Other = raw_peer:foreign_pid(<<"somebody@else">>, 1, 5),
    Ours = raw_peer:foreign_pid(atom_to_binary(Node), 1, Creation),
    Ref = raw_peer:reference(Peer),
    Message = fun(Bytes) -> raw_peer:body([112, 131, raw_peer:ext({6, Own, '', 'Elixir.Todo.Cache'}), 131, Bytes]) end,
    [{no_pass_through, raw_peer:body([111, 131, raw_peer:ext({6, Own, '', rex}), 131, raw_peer:ext(x)])},
     {distribution_header, raw_peer:body([131, 68, 0, raw_peer:ext({6, Own, '', rex}), raw_peer:ext(x)])},
     {fragment, raw_peer:body([131, 69, <<1:64, 2:64>>, 0])},
     {one_byte, raw_peer:body([112])},
     {no_control, raw_peer:body([112, 131])},
     {no_version, raw_peer:body([112, raw_peer:ext({6, Own, '', rex})])},
     {control_no_tuple, raw_peer:frame(x)},
     {empty_tuple, raw_peer:frame({})},
     {unknown_operation, raw_peer:frame({99, Own, Ours})},
     {negative_operation, raw_peer:frame({-1, Own, Ours})},
     {huge_operation, raw_peer:frame({1 bsl 4000, Own, Ours})},
     {atom_operation, raw_peer:frame({send, Own, Ours})},
     {too_few_elements, raw_peer:frame({6, Own}, x)},
     {too_many_elements, raw_peer:frame({6, Own, '', rex, x, y}, x)},
     {no_payload, raw_peer:frame({6, Own, '', rex})},
     {payload_too_many, raw_peer:frame({1, Own, Ours}, x)},
     {behind_payload, raw_peer:body([112, 131, raw_peer:ext({6, Own, '', rex}), 131, raw_peer:ext(x), 0])},
     {name_no_atom, raw_peer:frame({6, Own, '', "rex"}, x)},
     {to_no_pid, raw_peer:frame({2, '', rex}, x)},
     {monitor_of_other, raw_peer:frame({19, Other, Ours, Ref})},
     {monitor_of_ours, raw_peer:frame({19, Ours, Ours, Ref})},
     {link_of_other, raw_peer:frame({1, Other, Ours})},
     {link_of_ours, raw_peer:frame({1, Ours, Ours})},
     {exit_of_other, raw_peer:frame({3, Other, Ours, kill})},
     {exit_of_ours, raw_peer:frame({24, Ours, Ours}, kill)},
     {exit2_of_other, raw_peer:frame({8, Other, Ours, kill})},
     {exit2_of_ours, raw_peer:frame({26, Ours, Ours}, kill)},
     {altact_exit_of_other, raw_peer:frame({37, 16, Other, Ours}, kill)},
     {unlink_of_other, raw_peer:frame({35, 1, Other, Ours})},
     {unlink_id_0, raw_peer:frame({35, 0, Own, Ours})},
     {unlink_id_large, raw_peer:frame({35, 1 bsl 64, Own, Ours})},
     {unlink_ack_of_other, raw_peer:frame({36, 1, Other, Ours})},
     {spawn_of_other, raw_peer:frame({29, Ref, Other, Other, {erlang, node, 0}, []}, [])},
     {spawn_arguments, raw_peer:frame({29, Ref, Own, Own, {erlang, node, 0}, []}, x)},
     {spawn_improper, raw_peer:frame({29, Ref, Own, Own, {erlang, node, 0}, [link | monitor]}, [])},
     {spawn_arity, raw_peer:frame({29, Ref, Own, Own, {erlang, node, -1}, []}, [])},
     {spawn_reply_of_other, raw_peer:frame({31, Ref, Ours, 0, Other})},
     {altact_both, raw_peer:frame({37, 6, Own, Ours}, x)},
     {altact_short, raw_peer:frame({37, 0})},
     {arity_claimed, Message(<<105, 16#ffffffff:32>>)},
     {arity_of_control, raw_peer:body([112, 131, 105, <<16#ffffffff:32>>, 97, 6])},
     {list_claimed, Message(<<108, 16#7fffffff:32, 97, 1>>)},
     {map_claimed, Message(<<116, 16#ffffffff:32>>)},
     {binary_claimed, Message(<<109, 16#ffffffff:32>>)},
     {bits_claimed, Message(<<77, 16#ffffffff:32, 8, 0>>)},
     {string_claimed, Message(<<107, 16#ffff:16, 1>>)},
     {bignum_claimed, Message(<<111, 16#ffffffff:32, 0, 1>>)},
     {words_claimed, Message(<<90, 16#ffff:16, 119, 1, $a, 1:32, 1:32>>)},
     {fun_claimed, Message(<<112, 16#ffffffff:32, 255, 0:128, 1:32, 16#ffffffff:32, 119, 1, $a>>)},
     {bits_9, Message(<<77, 1:32, 9, 0>>)},
     {not_a_number, Message(<<70, 16#7ff0000000000001:64>>)},
     {old_float, Message(<<99, "1.0e999999999", 0:(18 * 8)>>)},
     {atom_256, Message(<<118, 256:16, (binary:copy(<<"a">>, 256))/binary>>)},
     {atom_utf8, Message(<<119, 2, 16#c0, 16#80>>)},
     {atom_surrogate, Message(<<119, 3, 16#ed, 16#a0, 16#80>>)},
     {atom_cut, Message(<<119, 2, $a, 16#e2>>)},
     {atom_cache, Message(<<82, 0>>)},
     {unknown_tag, Message(<<200>>)},
     {compressed, Message(<<80, 16#ffffffff:32, (zlib:compress(binary:copy(<<0>>, 100000)))/binary>>)},
     {compressed_empty, Message(<<80, 0:32>>)},
     {pid_of_no_atom, Message(<<88, 97, 1, 1:32, 1:32, 1:32>>)},
     {nested_too_deep, Message(nested(list, 200000))},
     {nested_cut, Message(binary:copy(<<108, 1:32>>, 100000))},
     {frame_too_large, <<16#ffffffff:32, 112, 131>>}].

%% Terms that are legal, or nearly, each in its external form. Size: about so many bytes of the large ones.
-spec odd_terms(pos_integer()) -> [{atom(), binary()}].
odd_terms(Size) ->
    [{atom_255, raw_peer:ext(list_to_atom(lists:duplicate(255, $x)))},
     {atom_255_wide, <<118, 1020:16, (binary:copy(<<16#1F600/utf8>>, 255))/binary>>},
     {atom_empty, raw_peer:ext('')},
     {atom_old, <<100, 3:16, "old">>},
     {bignum, <<111, Size:32, 0, (binary:copy(<<255>>, Size))/binary>>},
     {bignum_negative, <<111, Size:32, 1, (binary:copy(<<1>>, Size))/binary>>},
     {bignum_zeros, <<111, Size:32, 0, 0:(8 * Size)>>},
     {bignum_sign, <<110, 1, 255, 7>>},
     {bignum_none, <<111, 0:32, 0>>},
     {binary, <<109, Size:32, 0:(8 * Size)>>},
     {string, <<107, 65535:16, 0:(8 * 65535)>>},
     {char_list, raw_peer:ext(lists:duplicate(Size div 6, 1000))},
     {char_list_huge, raw_peer:ext(lists:duplicate(Size div 6, 16#10ffff))},
     {byte_list, <<108, (Size div 2):32, (binary:copy(<<97, 1>>, Size div 2))/binary, 106>>},
     {nested_list, nested(list, 100000)},
     {nested_tail, nested(tail, 100000)},
     {nested_tuple, nested(tuple, 100000)},
     {nested_map, nested(map, 100000)},
     {nested_key, nested(key, 50000)},
     {improper, raw_peer:ext([a | b])},
     {iolist, raw_peer:ext([<<"io">>, ["list", 1, [<<>>]] | <<"tail">>])},
     {iolist_wide, <<108, (Size div 6):32, (binary:copy(<<109, 1:32, $x>>, Size div 6))/binary, 106>>},
     {empty_lists, <<108, (Size div 6):32, (binary:copy(<<108, 0:32, 106>>, Size div 6))/binary, 106>>},
     {duplicate_keys, <<116, 2:32, 97, 1, 97, 1, 97, 1, 97, 2>>},
     {duplicate_keys_far, <<116, 1001:32, (pairs(lists:seq(1, 1000)))/binary, 98, 500:32, 97, 1>>},
     {duplicate_forms, <<116, 2:32, 97, 1, 97, 1, 98, 1:32, 97, 2>>},
     {wide_map, <<116, (Size div 7):32,
                  (pairs([(N * 7919) band 16#7fffffff || N <- lists:seq(1, Size div 7)]))/binary>>},
     {wide_tuple, <<105, Size:32, (binary:copy(<<106>>, Size))/binary>>},
     {float, <<70, 1.0e308:64/float>>},
     {minus_zero, <<70, -0.0:64/float>>},
     {float_old, <<99, "1.00000000000000000000e+00", 0, 0, 0, 0, 0>>},
     {bits, <<77, 1:32, 1, 128>>},
     {foreign, raw_peer:ext(raw_peer:foreign_pid(<<"x@y">>, 1, 1))},
     {own_fun, raw_peer:ext(fun() -> ok end)},
     {export, raw_peer:ext(fun erlang:halt/0)}].

pairs(Keys) ->
    << <<98, Key:32, 97, 1>> || Key <- Keys >>.

%% So many levels.
-spec nested(list | tail | tuple | map | key, pos_integer()) -> binary().
nested(list, Depth) ->
    <<(binary:copy(<<108, 1:32>>, Depth))/binary, 106, (binary:copy(<<106>>, Depth))/binary>>;
nested(tail, Depth) ->
    <<(binary:copy(<<108, 1:32, 97, 1>>, Depth))/binary, 106>>;
nested(tuple, Depth) ->
    <<(binary:copy(<<104, 1>>, Depth))/binary, 106>>;
nested(map, Depth) ->
    <<(binary:copy(<<116, 1:32, 97, 1>>, Depth))/binary, 106>>;
nested(key, Depth) ->
    <<(binary:copy(<<116, 1:32>>, Depth))/binary, 106, (binary:copy(<<97, 1>>, Depth))/binary>>.
