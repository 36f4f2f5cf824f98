%% A node that speaks the distribution protocol by hand, over gen_tcp: both sides of the handshake, frames, control
%% messages. It sends what it is told, right or wrong. The public text is erts User's Guide, "Distribution Protocol".
-module(raw_peer).

-export([target/1, open/1, connect/2, connect/3, challenged/2, challenged/3, close/1, reset/1, closed/1]).
-export([packet/2, next_packet/1, send_name/1, send_name/3, old_send_name/2, challenge_reply/2, digest/2, flags/0]).
-export([listen/1, accept/2, unlisten/1]).
-export([frame/1, frame/2, body/1, send/2, send/3, bytes/2, receive_frame/2, drain/1]).
-export([pid/2, foreign_pid/3, reference/1, tuple/1, ext/1, name/0, name/1]).

-define(TIMEOUT_MS, 10000).
-define(CREATION, 77).
-define(FLAGS, 16#D075F5FBC).

%% Whom it speaks to. port: of its distribution; creation: of its pids.
-type target() :: #{node := node(), port := inet:port_number(), creation := non_neg_integer(), cookie := atom(),
                    atom() => term()}.
%% A connection that is up.
-type peer() :: #{socket := gen_tcp:socket(), name := binary(), target := target()}.
%% What a port and a name in epmd belong to.
-type listener() :: #{socket := gen_tcp:socket(), name := binary(), epmd := gen_tcp:socket()}.
-export_type([target/0, peer/0, listener/0]).

%% The node is connected to this BEAM.
-spec target(node()) -> target().
target(Node) ->
    [Alive, _] = string:split(atom_to_list(Node), "@"),
    {port, Port, _} = erl_epmd:port_please(Alive, {127, 0, 0, 1}),
    Pid = erpc:call(Node, erlang, whereis, ['Elixir.Todo.Cache']),
    Bytes = term_to_binary(Pid),
    <<Creation:32>> = binary:part(Bytes, byte_size(Bytes), -4),
    #{node => Node, port => Port, creation => Creation, cookie => erlang:get_cookie()}.

%% A name on this host that no other connection has now.
-spec name() -> binary().
name() ->
    name("raw").

%% Few different ones over time, for atoms are never freed.
-spec name(string()) -> binary().
name(Prefix) ->
    Number = erlang:unique_integer([positive]) rem 20000,
    iolist_to_binary([Prefix, $_, os:getpid(), $_, integer_to_list(Number), $@, node_case:host()]).

%% DFLAGs: those of a BEAM of OTP 25, but without fragments, atom cache and taking part in global.
-spec flags() -> non_neg_integer().
flags() ->
    ?FLAGS.

%% ---- the handshake ----

-spec open(target()) -> gen_tcp:socket().
open(#{port := Port}) ->
    {ok, Socket} = gen_tcp:connect({127, 0, 0, 1}, Port, [binary, {packet, raw}, {active, false}, {nodelay, true},
                                                          {send_timeout, ?TIMEOUT_MS}], ?TIMEOUT_MS),
    Socket.

-spec connect(target(), binary()) -> peer().
connect(Target, Name) ->
    connect(Target, Name, ?FLAGS).

%% Goes on where the name is connected already.
-spec connect(target(), binary(), non_neg_integer()) -> peer().
connect(#{cookie := Cookie} = Target, Name, Flags) ->
    {Socket, Challenge} = challenged(Target, Name, Flags),
    ok = packet(Socket, challenge_reply(4711, digest(Cookie, Challenge))),
    {ok, <<$a, Digest/binary>>} = next_packet(Socket),
    Digest = digest(Cookie, 4711),
    #{socket => Socket, name => Name, target => Target}.

%% A connection that knows the challenge and has not answered it.
-spec challenged(target(), binary()) -> {gen_tcp:socket(), non_neg_integer()}.
challenged(Target, Name) ->
    challenged(Target, Name, ?FLAGS).

-spec challenged(target(), binary(), non_neg_integer()) -> {gen_tcp:socket(), non_neg_integer()}.
challenged(Target, Name, Flags) ->
    Socket = open(Target),
    ok = packet(Socket, send_name(Name, Flags, ?CREATION)),
    case next_packet(Socket) of
        {ok, <<"sok">>} -> ok;
        {ok, <<"salive">>} -> ok = packet(Socket, <<"strue">>)
    end,
    {ok, <<$N, _Flags:64, Challenge:32, _/binary>>} = next_packet(Socket),
    {Socket, Challenge}.

-spec send_name(binary()) -> binary().
send_name(Name) ->
    send_name(Name, ?FLAGS, ?CREATION).

-spec send_name(binary(), non_neg_integer(), non_neg_integer()) -> binary().
send_name(Name, Flags, Creation) ->
    <<$N, Flags:64, Creation:32, (byte_size(Name)):16, Name/binary>>.

%% As OTP 23 and 24 send it first.
-spec old_send_name(binary(), non_neg_integer()) -> binary().
old_send_name(Name, Flags) ->
    <<$n, 5:16, Flags:32, Name/binary>>.

-spec challenge_reply(non_neg_integer(), binary()) -> binary().
challenge_reply(Challenge, Digest) ->
    <<$r, Challenge:32, Digest/binary>>.

-spec digest(atom(), non_neg_integer()) -> binary().
digest(Cookie, Challenge) ->
    erlang:md5([atom_to_list(Cookie), integer_to_list(Challenge)]).

%% A packet of the handshake.
-spec packet(gen_tcp:socket(), binary()) -> ok | {error, term()}.
packet(Socket, Packet) ->
    gen_tcp:send(Socket, <<(byte_size(Packet)):16, Packet/binary>>).

-spec next_packet(gen_tcp:socket()) -> {ok, binary()} | {error, term()}.
next_packet(Socket) ->
    case gen_tcp:recv(Socket, 2, ?TIMEOUT_MS) of
        {ok, <<Size:16>>} -> gen_tcp:recv(Socket, Size, ?TIMEOUT_MS);
        {error, _} = Error -> Error
    end.

%% Until the other side ends the connection.
-spec closed(gen_tcp:socket() | peer()) -> ok.
closed(#{socket := Socket}) ->
    closed(Socket);
closed(Socket) ->
    case gen_tcp:recv(Socket, 0, ?TIMEOUT_MS) of
        {ok, _} -> closed(Socket);
        {error, timeout} -> error(still_open);
        {error, _} -> gen_tcp:close(Socket)
    end.

-spec close(gen_tcp:socket() | peer()) -> ok.
close(#{socket := Socket}) ->
    gen_tcp:close(Socket);
close(Socket) ->
    gen_tcp:close(Socket).

%% The other side reads ECONNRESET.
-spec reset(gen_tcp:socket() | peer()) -> ok.
reset(#{socket := Socket}) ->
    reset(Socket);
reset(Socket) ->
    _ = inet:setopts(Socket, [{linger, {true, 0}}]),
    gen_tcp:close(Socket).

%% ---- the side that is connected to ----

%% Registers the name with epmd, as a hidden node.
-spec listen(binary()) -> listener().
listen(Name) ->
    {ok, Socket} = gen_tcp:listen(0, [binary, {packet, raw}, {active, false}, {nodelay, true}, {backlog, 128}]),
    {ok, Port} = inet:port(Socket),
    {ok, Epmd} = gen_tcp:connect({127, 0, 0, 1}, epmd_port(), [binary, {packet, raw}, {active, false}]),
    [Alive, _] = binary:split(Name, <<"@">>),
    Request = <<120, Port:16, 72, 0, 6:16, 5:16, (byte_size(Alive)):16, Alive/binary, 0:16>>,
    ok = gen_tcp:send(Epmd, <<(byte_size(Request)):16, Request/binary>>),
    {ok, <<118, 0, _Creation:32>>} = gen_tcp:recv(Epmd, 6, ?TIMEOUT_MS),
    #{socket => Socket, name => Name, epmd => Epmd}.

epmd_port() ->
    list_to_integer(os:getenv("ERL_EPMD_PORT", "4369")).

%% The next one who connects: its send_name is to be read.
-spec accept(listener(), timeout()) -> gen_tcp:socket().
accept(#{socket := Socket}, Timeout) ->
    {ok, Accepted} = gen_tcp:accept(Socket, Timeout),
    Accepted.

-spec unlisten(listener()) -> ok.
unlisten(#{socket := Socket, epmd := Epmd}) ->
    ok = gen_tcp:close(Socket),
    gen_tcp:close(Epmd).

%% ---- frames ----

%% A control message, and the payload of those that have one. A part that is {ext, Bytes} is these bytes.
-spec frame(term()) -> binary().
frame(Control) ->
    body([<<112, 131>>, ext(Control)]).

-spec frame(term(), term()) -> binary().
frame(Control, Payload) ->
    body([<<112, 131>>, ext(Control), 131, ext(Payload)]).

-spec body(iodata()) -> binary().
body(Body) ->
    iolist_to_binary([<<(iolist_size(Body)):32>>, Body]).

%% The bytes of a term, without the 131; {ext, Bytes} in it and in tuples and lists of it stand for themselves.
-spec ext(term()) -> binary().
ext({ext, Bytes}) ->
    iolist_to_binary(Bytes);
ext(Tuple) when is_tuple(Tuple) ->
    tuple([ext(Element) || Element <- tuple_to_list(Tuple)]);
ext([Head | _] = List) when not is_integer(Head) ->
    {Elements, Tail} = elements(List, []),
    iolist_to_binary([108, <<(length(Elements)):32>>, [ext(Element) || Element <- Elements], ext(Tail)]);
ext(Term) ->
    <<131, Bytes/binary>> = term_to_binary(Term),
    Bytes.

%% Of a list that may be improper.
elements([Element | Rest], Elements) -> elements(Rest, [Element | Elements]);
elements(Tail, Elements) -> {lists:reverse(Elements), Tail}.

%% Of elements in their external form.
-spec tuple([binary()]) -> binary().
tuple(Elements) ->
    iolist_to_binary([104, length(Elements) | Elements]).

-spec send(peer(), term()) -> ok | {error, term()}.
send(Peer, Control) ->
    bytes(Peer, frame(Control)).

-spec send(peer(), term(), term()) -> ok | {error, term()}.
send(Peer, Control, Payload) ->
    bytes(Peer, frame(Control, Payload)).

-spec bytes(peer(), iodata()) -> ok | {error, term()}.
bytes(#{socket := Socket}, Bytes) ->
    gen_tcp:send(Socket, Bytes).

%% Its body, without ticks.
-spec receive_frame(peer(), timeout()) -> {ok, binary()} | {error, term()}.
receive_frame(#{socket := Socket} = Peer, Timeout) ->
    case gen_tcp:recv(Socket, 4, Timeout) of
        {ok, <<0:32>>} -> receive_frame(Peer, Timeout);
        {ok, <<Size:32>>} -> gen_tcp:recv(Socket, Size, Timeout);
        {error, _} = Error -> Error
    end.

%% Reads and forgets what is there, in the background, so that the other side never has to wait; ends with the socket.
-spec drain(peer()) -> peer().
drain(#{socket := Socket} = Peer) ->
    Drain = spawn(fun() -> drain_socket(Socket) end),
    Peer#{drain => Drain}.

drain_socket(Socket) ->
    case gen_tcp:recv(Socket, 0) of
        {ok, _} -> drain_socket(Socket);
        {error, _} -> ok
    end.

%% ---- terms ----

%% A pid of the peer itself.
-spec pid(peer(), non_neg_integer()) -> pid().
pid(#{name := Name}, Number) ->
    foreign_pid(Name, Number, ?CREATION).

-spec foreign_pid(binary(), non_neg_integer(), non_neg_integer()) -> pid().
foreign_pid(Node, Number, Creation) ->
    binary_to_term(<<131, 88, 119, (byte_size(Node)), Node/binary, Number:32, 0:32, Creation:32>>).

-spec reference(peer()) -> reference().
reference(#{name := Name}) ->
    Number = erlang:unique_integer([positive]),
    binary_to_term(<<131, 90, 3:16, 119, (byte_size(Name)), Name/binary, ?CREATION:32,
                     (Number band 16#3ffff):32, (Number bsr 18):32, 1:32>>).
