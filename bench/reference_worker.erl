%% Writes and reads values, one file per key.
-module(reference_worker).

-behaviour(gen_server).

-export([init/1, handle_call/3, handle_cast/2]).

-spec init(file:filename()) -> {ok, file:filename()}.
init(Folder) ->
    {ok, Folder}.

-spec handle_call({get, binary()} | sync, gen_server:from(), file:filename()) -> {reply, term(), file:filename()}.
handle_call({get, Key}, _From, Folder) ->
    case file:read_file(filename:join(Folder, Key)) of
        {ok, Bytes} -> {reply, binary_to_term(Bytes), Folder};
        {error, enoent} -> {reply, nil, Folder}
    end;
handle_call(sync, _From, Folder) ->
    {reply, ok, Folder}.

-spec handle_cast({store, binary(), term()}, file:filename()) -> {noreply, file:filename()}.
handle_cast({store, Key, Value}, Folder) ->
    ok = file:write_file(filename:join(Folder, Key), term_to_binary(Value)),
    {noreply, Folder}.
