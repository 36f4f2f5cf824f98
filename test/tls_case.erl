%% Certificates for suites, and BEAMs whose distribution is TLS (-proto_dist inet_tls) with them.
-module(tls_case).

-include_lib("public_key/include/public_key.hrl").

-export([authority/1, certificate/2, certificate/3, files/3]).
-export([node_arguments/1, beam_arguments/2, start_beam/2, start_beam/3]).

-type authority() :: map().
-type files() :: #{cert := file:filename(), key := file:filename(), ca := file:filename()}.
-export_type([authority/0, files/0]).

-define(KEY, {key, {namedCurve, secp256r1}}).

%% One that may sign certificates.
-spec authority(string()) -> authority().
authority(Name) ->
    public_key:pkix_test_root_cert(Name, [?KEY, {digest, sha256}]).

%% A certificate for that host, by that authority, valid now; or with other options of public_key:pkix_test_data/1.
-spec certificate(authority(), string()) -> #{cert := binary(), key := tuple()}.
certificate(Authority, Host) ->
    certificate(Authority, Host, []).

-spec certificate(authority(), string(), list()) -> #{cert := binary(), key := tuple()}.
certificate(Authority, Host, Options) ->
    Names = #'Extension'{extnID = ?'id-ce-subjectAltName', extnValue = [{dNSName, Host}], critical = false},
    Chain = public_key:pkix_test_data(#{root => Authority, intermediates => [],
                                        peer => [?KEY, {digest, sha256}, {extensions, [Names]} | Options]}),
    {cert, Cert} = lists:keyfind(cert, 1, Chain),
    {key, {Type, Der}} = lists:keyfind(key, 1, Chain),
    #{cert => Cert, key => {Type, Der, not_encrypted}}.

%% Written to files of a folder; believing that authority.
-spec files(file:filename(), #{cert := binary(), key := tuple()}, authority()) -> files().
files(Folder, #{cert := Cert, key := Key}, #{cert := Authority}) ->
    Files = #{cert => filename:join(Folder, "node.pem"), key => filename:join(Folder, "node.key"),
              ca => filename:join(Folder, "ca.pem")},
    ok = write(map_get(cert, Files), {'Certificate', Cert, not_encrypted}),
    ok = write(map_get(key, Files), Key),
    ok = file:change_mode(map_get(key, Files), 8#600),
    ok = write(map_get(ca, Files), {'Certificate', Authority, not_encrypted}),
    Files.

write(File, Entry) ->
    file:write_file(File, public_key:pem_encode([Entry])).

%% Of the program.
-spec node_arguments(files()) -> [string()].
node_arguments(#{cert := Cert, key := Key, ca := Authorities}) ->
    ["--tls-cert", Cert, "--tls-key", Key, "--tls-ca", Authorities].

%% Of a BEAM whose distribution is TLS. Options: those of ssl for both roles, beside the files; certfile and keyfile are
%% left out where they are not known.
-spec beam_arguments(#{ca := file:filename(), cert => file:filename(), key => file:filename()}, list()) -> [string()].
beam_arguments(#{ca := Authorities} = Files, Options) ->
    Own = [{certfile, maps:get(cert, Files, undefined)}, {keyfile, maps:get(key, Files, undefined)},
           {cacertfile, Authorities}, {verify, verify_peer}],
    Both = [Option || {_, Value} = Option <- Own, Value =/= undefined] ++ Options,
    File = beam_case:file_with(io_lib:format("~p.~n", [[{server, [{fail_if_no_peer_cert, true} | Both]},
                                                        {client, Both}]])),
    ["-proto_dist", "inet_tls", "-ssl_dist_optfile", File].

%% A BEAM that is a node with a name of its own, and this one's cookie.
-spec start_beam(map(), list()) -> {pid(), node()}.
start_beam(Files, Options) ->
    start_beam(Files, Options, []).

-spec start_beam(map(), list(), [string()]) -> {pid(), node()}.
start_beam(Files, Options, Arguments) ->
    Name = node_case:unique("beam"),
    Beam = beam_case:start(#{args => ["-sname", Name, "-setcookie", atom_to_list(erlang:get_cookie()) | Arguments]
                                         ++ beam_arguments(Files, Options)}),
    {Beam, node_case:node_name(Name)}.
