%% Attacks on a node by who does not know the cookie, or breaks off before it says so; and by nodes that the node
%% connects to. Each returns when it is over; one that was let in fails.
-module(hostile_handshakes).

-export([all/0]).

-define(TIMEOUT_MS, 10000).

-spec all() -> [{atom(), fun((hostile:context()) -> ok)}].
all() ->
    [{random_bytes, fun random_bytes/1}, {cut_packets, fun cut_packets/1}, {mutated_packets, fun mutated_packets/1},
     {out_of_state_packets, fun out_of_state_packets/1}, {byte_by_byte, fun byte_by_byte/1},
     {wrong_digests, fun wrong_digests/1}, {replayed_digests, fun replayed_digests/1}, {wrong_flags, fun wrong_flags/1},
     {odd_names, fun odd_names/1}, {connected_name_wrong_cookie, fun connected_name_wrong_cookie/1},
     {resets, fun resets/1}, {many_refused, fun many_refused/1}, {half_open, fun half_open/1},
     {bad_acceptors, fun bad_acceptors/1}].

%% ---- what arrives is no handshake ----

random_bytes(#{target := Target} = Context) ->
    _ = [begin
             Socket = raw_peer:open(Target),
             _ = gen_tcp:send(Socket, rand:bytes(rand:uniform(4000))),
             end_somehow(Socket)
         end || _ <- lists:seq(1, hostile:count(Context, 100))],
    _ = [begin
             Socket = raw_peer:open(Target),
             _ = gen_tcp:send(Socket, Bytes),
             ok = raw_peer:closed(Socket)
         end || Bytes <- [<<"GET / HTTP/1.1\r\nHost: x\r\n\r\n">>, <<16#ffff:16, 0:(16#ffff * 8)>>, <<22, 3, 1, 2, 0>>,
                          <<0:16>>, <<1:16, 0>>, <<2049:16>>, <<0:4096>>]],
    ok.

%% The end of a packet is missing: the other side waits, until this one ends it.
cut_packets(#{target := Target}) ->
    Packet = raw_peer:send_name(raw_peer:name()),
    Whole = <<(byte_size(Packet)):16, Packet/binary>>,
    Sockets = [begin
                   Socket = raw_peer:open(Target),
                   ok = gen_tcp:send(Socket, binary:part(Whole, 0, Size)),
                   Socket
               end || Size <- lists:seq(0, byte_size(Whole) - 1)],
    lists:foreach(fun end_somehow/1, Sockets),
    %% And packets that are whole but too short for what they say.
    _ = [begin
             Socket = raw_peer:open(Target),
             ok = raw_peer:packet(Socket, binary:part(Packet, 0, Size)),
             ok = raw_peer:closed(Socket)
         end || Size <- lists:seq(1, byte_size(Packet) - 1)],
    ok.

mutated_packets(#{target := Target} = Context) ->
    _ = [mutated_packet(Target, rand:uniform(2)) || _ <- lists:seq(1, hostile:count(Context, 300))],
    ok.

mutated_packet(Target, 1) ->
    Socket = raw_peer:open(Target),
    Names = [raw_peer:send_name(raw_peer:name()), raw_peer:old_send_name(raw_peer:name(), raw_peer:flags())],
    _ = raw_peer:packet(Socket, hostile_frames:mutate(hostile:pick(Names))),
    end_somehow(Socket);
mutated_packet(Target, 2) ->
    {Socket, Challenge} = raw_peer:challenged(Target, raw_peer:name()),
    Wrong = raw_peer:challenge_reply(1, raw_peer:digest(wrong, Challenge)),
    _ = raw_peer:packet(Socket, hostile_frames:mutate(Wrong)),
    not_let_in(Socket).

%% Each packet where another one should come.
out_of_state_packets(#{target := Target}) ->
    Packets = [<<>>, <<"sok">>, <<"strue">>, <<"sfalse">>, <<"salive">>, <<"snamed:">>, <<$c, 1:32, 2:32>>,
               raw_peer:challenge_reply(1, <<0:128>>), <<$a, 0:128>>, raw_peer:send_name(<<"x@y">>), <<"z">>],
    _ = [begin
             Socket = raw_peer:open(Target),
             ok = raw_peer:packet(Socket, Packet),
             ok = raw_peer:closed(Socket)
         end || Packet <- Packets, binary:first(<<Packet/binary, 0>>) =/= $N],
    _ = [begin
             {Socket, _} = raw_peer:challenged(Target, raw_peer:name()),
             ok = raw_peer:packet(Socket, Packet),
             not_let_in(Socket)
         end || Packet <- Packets],
    ok.

%% Slow, but right: it gets in.
byte_by_byte(#{target := #{cookie := Cookie} = Target}) ->
    Socket = raw_peer:open(Target),
    Packet = raw_peer:send_name(raw_peer:name()),
    ok = slowly(Socket, <<(byte_size(Packet)):16, Packet/binary>>),
    {ok, <<"sok">>} = raw_peer:next_packet(Socket),
    {ok, <<$N, _:64, Challenge:32, _/binary>>} = raw_peer:next_packet(Socket),
    Reply = raw_peer:challenge_reply(1, raw_peer:digest(Cookie, Challenge)),
    ok = slowly(Socket, <<(byte_size(Reply)):16, Reply/binary>>),
    {ok, <<$a, _:16/binary>>} = raw_peer:next_packet(Socket),
    raw_peer:close(Socket).

slowly(Socket, Bytes) ->
    _ = [begin ok = gen_tcp:send(Socket, [Byte]), erlang:yield() end || <<Byte>> <= Bytes],
    ok.

%% ---- who does not know the cookie ----

wrong_digests(#{target := #{cookie := Cookie} = Target}) ->
    Wrong = [fun(_) -> <<0:128>> end, fun(_) -> rand:bytes(16) end,
             fun(Challenge) -> raw_peer:digest('', Challenge) end,
             fun(Challenge) -> raw_peer:digest(wrong, Challenge) end,
             fun(Challenge) -> raw_peer:digest(Cookie, Challenge + 1) end,
             fun(Challenge) -> <<Start:15/binary, Last>> = raw_peer:digest(Cookie, Challenge),
                               <<Start/binary, (Last bxor 1)>> end,
             fun(Challenge) -> binary:part(raw_peer:digest(Cookie, Challenge), 0, 15) end,
             fun(Challenge) -> <<(raw_peer:digest(Cookie, Challenge))/binary, 0>> end],
    _ = [begin
             {Socket, Challenge} = raw_peer:challenged(Target, raw_peer:name()),
             ok = raw_peer:packet(Socket, raw_peer:challenge_reply(1, Digest(Challenge))),
             not_let_in(Socket)
         end || Digest <- Wrong],
    ok.

%% What once let somebody in does it no more: each handshake has a challenge of its own.
replayed_digests(#{target := #{cookie := Cookie} = Target} = Context) ->
    Count = hostile:count(Context, 50),
    Challenges = [begin
                      {Socket, Challenge} = raw_peer:challenged(Target, raw_peer:name()),
                      Digest = raw_peer:digest(Cookie, Challenge),
                      ok = raw_peer:packet(Socket, raw_peer:challenge_reply(1, Digest)),
                      {ok, <<$a, _/binary>>} = raw_peer:next_packet(Socket),
                      raw_peer:close(Socket),
                      {Again, _} = raw_peer:challenged(Target, raw_peer:name()),
                      ok = raw_peer:packet(Again, raw_peer:challenge_reply(1, Digest)),
                      not_let_in(Again),
                      Challenge
                  end || _ <- lists:seq(1, Count)],
    Count = length(lists:usort(Challenges)),
    ok.

wrong_flags(#{target := Target}) ->
    Flags = raw_peer:flags() band bnot 16#4000000, % MANDATORY_25_DIGEST stands for many others
    Required = [16#4, 16#10, 16#80, 16#100, 16#200, 16#400, 16#800, 16#10000, 16#20000, 16#40000],
    _ = [begin
             Socket = raw_peer:open(Target),
             ok = raw_peer:packet(Socket, raw_peer:send_name(raw_peer:name(), Wrong, 5)),
             {ok, <<"snot_allowed">>} = raw_peer:next_packet(Socket),
             ok = raw_peer:closed(Socket)
         end || Wrong <- [0, 1, 2 | [Flags band bnot Flag || Flag <- Required]]],
    %% Flags of the future, and those of which we speak nothing: it speaks as we do.
    _ = [raw_peer:close(raw_peer:connect(Target, raw_peer:name(), Odd))
         || Odd <- [16#ffffffffffffffff band bnot 16#200000000, Flags]],
    ok.

odd_names(#{target := #{node := Node} = Target}) ->
    Names = [<<>>, <<"@">>, <<"x">>, <<"x@">>, <<"@y">>, <<"x@y@z">>, <<"x\0@y">>, <<"x@y\0">>, <<"../x@y">>,
             <<"x y@z">>, <<"x@", 16#ff>>, <<16#c0, 16#80, "@y">>, <<"x\n@y">>, <<"\e[2J@y">>, <<"%s%n@y">>,
             atom_to_binary(Node), <<(binary:copy(<<"x">>, 255))/binary, "@y">>,
             <<"x@", (binary:copy(<<"y">>, 254))/binary>>, binary:copy(<<"x@">>, 1000),
             <<(binary:copy(<<16#1F600/utf8>>, 250))/binary, "@y">>],
    _ = [begin
             Socket = raw_peer:open(Target),
             _ = raw_peer:packet(Socket, Packet),
             unknown(Socket)
         end || Name <- Names,
                Packet <- [raw_peer:send_name(Name), raw_peer:old_send_name(Name, raw_peer:flags() band 16#ffffffff),
                           raw_peer:send_name(Name, raw_peer:flags() bor 16#200000000, 5),
                           <<(raw_peer:send_name(Name))/binary, "more">>]],
    _ = [begin
             Socket = raw_peer:open(Target),
             ok = raw_peer:packet(Socket, <<$N, (raw_peer:flags()):64, 5:32, Size:16, "x@y">>),
             ok = raw_peer:closed(Socket)
         end || Size <- [4, 255, 65535]],
    ok.

%% The one that is connected does not notice.
connected_name_wrong_cookie(#{target := #{node := Node} = Target}) ->
    Name = raw_peer:name(),
    Peer = raw_peer:connect(Target, Name),
    _ = [begin
             {Socket, Challenge} = raw_peer:challenged(Target, Name),
             ok = raw_peer:packet(Socket, raw_peer:challenge_reply(1, raw_peer:digest(wrong, Challenge))),
             not_let_in(Socket)
         end || _ <- lists:seq(1, 5)],
    Refused = raw_peer:open(Target),
    ok = raw_peer:packet(Refused, raw_peer:send_name(Name)),
    {ok, <<"salive">>} = raw_peer:next_packet(Refused),
    ok = raw_peer:packet(Refused, <<"sfalse">>),
    ok = raw_peer:closed(Refused),
    ok = hostile:answers(Peer, Node),
    raw_peer:close(Peer).

%% ---- who breaks off ----

resets(#{target := #{node := Node} = Target} = Context) ->
    _ = [reset_in(State, Target, Node) || State <- lists:seq(1, 8), _ <- lists:seq(1, hostile:count(Context, 20))],
    ok.

reset_in(1, Target, _) ->
    raw_peer:reset(raw_peer:open(Target));
reset_in(2, Target, _) ->
    Socket = raw_peer:open(Target),
    ok = gen_tcp:send(Socket, <<0>>),
    raw_peer:reset(Socket);
reset_in(3, Target, _) ->
    Socket = raw_peer:open(Target),
    ok = raw_peer:packet(Socket, raw_peer:send_name(raw_peer:name())),
    raw_peer:reset(Socket);
reset_in(4, Target, _) ->
    {Socket, _} = raw_peer:challenged(Target, raw_peer:name()),
    raw_peer:reset(Socket);
reset_in(5, #{cookie := Cookie} = Target, _) ->
    {Socket, Challenge} = raw_peer:challenged(Target, raw_peer:name()),
    ok = raw_peer:packet(Socket, raw_peer:challenge_reply(1, raw_peer:digest(Cookie, Challenge))),
    raw_peer:reset(Socket);
reset_in(6, Target, _) ->
    raw_peer:reset(raw_peer:connect(Target, raw_peer:name()));
reset_in(7, Target, _) ->
    Peer = raw_peer:connect(Target, raw_peer:name()),
    _ = raw_peer:bytes(Peer, <<100:32, 112, 131>>),
    raw_peer:reset(Peer);
reset_in(8, Target, Node) ->
    Peer = raw_peer:connect(Target, raw_peer:name()),
    _ = [hostile:call(Peer, Node, 'Elixir.Todo.Cache', names) || _ <- lists:seq(1, 20)],
    raw_peer:reset(Peer).

%% So many one after the other that the queue of the listener is used, and refused ones linger.
many_refused(#{target := Target} = Context) ->
    _ = [begin
             Socket = raw_peer:open(Target),
             _ = raw_peer:packet(Socket, raw_peer:send_name(<<"no name">>)),
             raw_peer:close(Socket)
         end || _ <- lists:seq(1, hostile:count(Context, 3000))],
    ok.

%% More than are served at a time, silent or in the middle; they are ended by the node's deadline.
half_open(#{target := Target} = Context) ->
    Self = self(),
    Count = hostile:count(Context, 1100),
    Openers = [spawn_monitor(fun() -> open_half(Target, N rem 3, Self) end) || N <- lists:seq(1, Count)],
    Opened = [Pid || {Pid, Monitor} <- Openers,
                     receive {Pid, opened} -> true; {'DOWN', Monitor, process, Pid, _} -> false end],
    _ = await_one_ended(Opened),
    _ = [begin
             exit(Pid, kill),
             receive {'DOWN', Monitor, process, Pid, _} -> ok end
         end || {Pid, Monitor} <- Openers, lists:member(Pid, Opened)],
    flush().

open_half(Target, Kind, Parent) ->
    Socket = raw_peer:open(Target),
    Packet = raw_peer:send_name(<<"half_", (integer_to_binary(erlang:unique_integer([positive])))/binary, "@host">>),
    case Kind of
        0 -> ok;
        1 -> ok = gen_tcp:send(Socket, <<(byte_size(Packet)):16, $N>>);
        2 -> ok = raw_peer:packet(Socket, Packet)
    end,
    Parent ! {self(), opened},
    until_closed(Socket),
    Parent ! {self(), ended},
    receive after infinity -> ok end.

until_closed(Socket) ->
    case gen_tcp:recv(Socket, 0) of
        {ok, _} -> until_closed(Socket);
        {error, _} -> ok
    end.

await_one_ended([]) ->
    ok;
await_one_ended(_) ->
    receive {_, ended} -> ok after 2 * ?TIMEOUT_MS -> error(no_deadline) end.

flush() ->
    receive {_, ended} -> flush(); {_, opened} -> flush() after 0 -> ok end.

%% ---- whom the node connects to ----

bad_acceptors(#{target := Target}) ->
    Peer = raw_peer:connect(Target, raw_peer:name()),
    _ = [bad_acceptor(Peer, Say) || Say <- sayings(Target)],
    raw_peer:close(Peer).

%% Makes the node connect: an answer has to go there.
bad_acceptor(Peer, Say) ->
    Listener = #{name := Name} = raw_peer:listen(raw_peer:name("acceptor")),
    Pid = raw_peer:foreign_pid(Name, 1, 1),
    ok = raw_peer:send(Peer, {6, raw_peer:pid(Peer, 1), '', 'Elixir.Todo.Cache'}, {'$gen_call', {Pid, [tag]}, count}),
    Socket = raw_peer:accept(Listener, ?TIMEOUT_MS),
    {ok, <<$N, _/binary>>} = raw_peer:next_packet(Socket),
    ok = Say(Socket, Name),
    raw_peer:unlisten(Listener).

sayings(#{cookie := Cookie}) ->
    Challenge = fun(Name) -> <<$N, (raw_peer:flags()):64, 9:32, 1:32, (byte_size(Name)):16, Name/binary>> end,
    Ended = fun(Packets) -> fun(Socket, _) -> all_sent(Socket, Packets), raw_peer:closed(Socket) end end,
    [Ended([Packet]) || Packet <- [<<>>, <<"snok?">>, <<"snot_allowed">>, <<"z">>, <<"sok", 0>>, rand:bytes(2000)]]
        ++ [Ended([<<"sok">>, Packet])
            || Packet <- [Challenge(<<"another@host">>), Challenge(<<>>), <<$N>>, <<$N, 0:144>>,
                          <<$n, 5:16, 0:32, 0:32>>, <<$a, 0:128>>, <<"sok">>]]
        ++ [fun(Socket, _) -> raw_peer:reset(Socket) end,
            fun(Socket, _) -> raw_peer:packet(Socket, <<"sok">>), raw_peer:reset(Socket) end,
            %% It tells its digest, and is told a wrong one, or nothing.
            fun(Socket, Name) ->
                    all_sent(Socket, [<<"sok">>, Challenge(Name)]),
                    {ok, <<$r, Theirs:32, _/binary>>} = raw_peer:next_packet(Socket),
                    ok = raw_peer:packet(Socket, <<$a, (raw_peer:digest(wrong, Theirs))/binary>>),
                    raw_peer:closed(Socket)
            end,
            fun(Socket, Name) ->
                    all_sent(Socket, [<<"salive">>, Challenge(Name)]),
                    {ok, <<"strue">>} = raw_peer:next_packet(Socket),
                    {ok, <<$r, Theirs:32, Digest/binary>>} = raw_peer:next_packet(Socket),
                    Digest = raw_peer:digest(Cookie, 9),
                    ok = raw_peer:packet(Socket, <<$a, (raw_peer:digest(Cookie, Theirs))/binary>>),
                    ok = gen_tcp:send(Socket, <<16#ffffffff:32>>),
                    raw_peer:closed(Socket)
            end].

all_sent(Socket, Packets) ->
    _ = [ok = raw_peer:packet(Socket, Packet) || Packet <- Packets],
    ok.

%% ---- ends ----

%% What comes back is no way in: an ack would be.
not_let_in(Socket) ->
    case raw_peer:next_packet(Socket) of
        {ok, <<$a, _/binary>>} -> error(let_in);
        {ok, _} -> not_let_in(Socket);
        {error, timeout} -> error(still_open);
        {error, _} -> raw_peer:close(Socket)
    end.

%% Either is refused, or has its challenge and does not answer it.
unknown(Socket) ->
    case raw_peer:next_packet(Socket) of
        {ok, <<$a, _/binary>>} -> error(let_in);
        {ok, <<$N, _/binary>>} -> end_somehow(Socket);
        {ok, _} -> unknown(Socket);
        {error, timeout} -> error(still_open);
        {error, _} -> raw_peer:close(Socket)
    end.

end_somehow(Socket) ->
    case rand:uniform(2) of
        1 -> raw_peer:close(Socket);
        2 -> raw_peer:reset(Socket)
    end.
