%% Each operation is done twice by a process of this BEAM: with a gen_server on another BEAM node, and with ours. What
%% can be seen of it (value or exception, messages left in order, at once or after a timeout) must be equal.
%%
%% `make test-otp` runs it without common_test, on the BEAM of any release (main/1).
-module(otp_SUITE).

-define(GIVEN_UP, "a request that still waits when its caller gives up is not executed").

-compile([export_all, nowarn_export_all]).

all() ->
    [every_operation_is_equal].

suite() ->
    [{timetrap, {minutes, 5}}].

init_per_suite(Config) ->
    ok = node_case:distribute(),
    Config.

end_per_suite(_Config) ->
    node_case:clean().

%% What differs, and why. An operation that is listed and equal fails the case too, so that the list is true.
known() ->
    #{raw_call_from_is_no_from => "a malformed request hurts nobody; it ends an OTP server",
      supervisor_unknown_cast => "a malformed request hurts nobody; it ends OTP's supervisor",
      supervisor_unknown_call => "a malformed request hurts nobody; it ends OTP's supervisor",
      order_of_replies_with_the_disk_between =>
          "a change is answered when it is on disk; questions are answered meanwhile",
      sys_replace_state_no_list => "what cannot be written to the list's file is refused",
      sys_replace_state_of_the_cache => "only a list's state can be replaced by another",
      late_call_is_executed => ?GIVEN_UP, late_caller_is_dead => ?GIVEN_UP}.

%% The same for a release: what was asked of ours differently, and what OTP shows differently. Ours is as OTP 25 is.
known(Otp) ->
    maps:merge(known(), maps:from_list([{Name, Why} || {First, Last, Why, Names} <- of_releases(),
                                                       First =< Otp, Otp =< Last, Name <- Names])).

of_releases() ->
    [{23, 23, ?GIVEN_UP, [late_reply, sys_suspend_resume, sys_suspend_by_name, disconnect_while_called]},
     {23, 23, "a child is significant or not from OTP 24 on",
      [supervisor_get_childspec, supervisor_get_childspec_of_a_worker, supervisor_start_child_without_the_code]},
     {23, 23, "a supervisor's record has fields for what OTP 24 brought",
      [sys_get_state_of_supervisor, sys_get_state_of_supervisor_after_restarts, sys_get_status_of_supervisor,
       sys_log_of_supervisor]},
     {23, 23, "a stack trace has error_info from OTP 24 on", [rpc_raises, erpc_raises]},
     {27, infinity, "the status of a supervisor ends with its callback module up to OTP 25",
      [sys_get_status_of_supervisor]},
     {28, infinity, "a supervisor's record has fields for what OTP 28 brought",
      [sys_get_state_of_supervisor, sys_get_state_of_supervisor_after_restarts, sys_log_of_supervisor]}].

every_operation_is_equal(Config) ->
    {Text, Surprises} = run(filename:join(proplists:get_value(priv_dir, Config), "otp.txt")),
    ct:pal("~ts", [Text]),
    [] = Surprises.

%% From the command line; the table goes to that file and to the standard output.
main(File) ->
    ok = node_case:distribute(),
    {Text, Surprises} = run(File),
    ok = node_case:clean(),
    io:format("~ts", [Text]),
    erlang:halt(min(length(Surprises), 1)).

run(File) ->
    {Operations, Newer} = lists:partition(fun is_there/1, operations()),
    First = rows(Operations),
    Rows = again([Operation || {Operation, Row} <- lists:zip(Operations, First), not is_expected(Row)], First)
        ++ [{Name, not_run, since(Operation), none} || {Name, _, _} = Operation <- Newer],
    Text = [[lines(Row) || Row <- Rows], summary([element(2, Row) || Row <- Rows]), "\n", File, "\n"],
    ok = file:write_file(File, unicode:characters_to_binary(Text)),
    {Text, [element(1, Row) || Row <- Rows, not is_expected(Row)]}.

operations() ->
    Operations = chosen(otp_calls:operations() ++ otp_signals:operations() ++ otp_system:operations()
                        ++ otp_nodes:operations()),
    Names = [Name || {Name, _, _} <- Operations],
    [] = Names -- lists:usort(Names),
    Operations.

is_there(Operation) ->
    since(Operation) =< otp().

since({_, Options, _}) ->
    proplists:get_value(since, Options, 0).

otp() ->
    list_to_integer(erlang:system_info(otp_release)).

summary(Verdicts) ->
    Counts = [{length([V || V <- Verdicts, V =:= Verdict]), Word}
              || {Verdict, Word} <- [{equal, "equal"}, {known, "known"}, {different, "different"},
                                     {equal_but_known, "equal but known"}, {not_run, "not run"}]],
    io_lib:format("OTP ~b: ~b operations~ts", [otp(), length(Verdicts),
                                               [[", ", integer_to_list(Count), " ", Word] || {Count, Word} <- Counts]]).

rows(Operations) ->
    [References, Ours] = both(fun(Side) -> otp_case:outcomes(Side, Operations) end),
    [row(Row) || Row <- lists:zip3([Name || {Name, _, _} <- Operations], References, Ours)].

is_expected({_Name, Verdict, _, _}) ->
    lists:member(Verdict, [equal, known, not_run]).

%% On a machine that stood still for seconds even OTP answers late: what surprised is run once more, and that counts.
%% What really differs differs again.
again([], Rows) ->
    Rows;
again(Operations, Rows) ->
    io:format("run again: ~p~n", [[Name || {Name, _, _} <- Operations]]),
    lists:foldl(fun(Row, All) -> lists:keyreplace(element(1, Row), 1, All, Row) end, Rows, rows(Operations)).

%% OPERATIONS=call_live,call_dead runs these only.
chosen(Operations) ->
    case os:getenv("OPERATIONS") of
        false -> Operations;
        Names -> [Operation || Operation <- Operations,
                               lists:member(atom_to_list(element(1, Operation)), string:lexemes(Names, ","))]
    end.

both(Fun) ->
    Runs = [{Side, spawn_monitor(fun() -> exit({done, Fun(Side)}) end)} || Side <- [reference, ours]],
    [receive
         {'DOWN', Monitor, process, Pid, {done, Outcomes}} -> Outcomes;
         {'DOWN', Monitor, process, Pid, Reason} -> error({Side, Reason})
     end || {Side, {Pid, Monitor}} <- Runs].

row({Name, Reference, Ours}) ->
    Verdict = case {Reference =:= Ours, is_map_key(Name, known(otp()))} of
                  {true, false} -> equal;
                  {false, true} -> known;
                  {false, false} -> different;
                  {true, true} -> equal_but_known
              end,
    {Name, Verdict, Reference, Ours}.

lines({Name, equal, Reference, _}) ->
    io_lib:format("~-45ts equal~n    both  ~ts~n", [Name, text(Reference)]);
lines({Name, not_run, Since, _}) ->
    io_lib:format("~-45ts NOT RUN needs OTP ~b~n", [Name, Since]);
lines({Name, Verdict, Reference, Ours}) ->
    io_lib:format("~-45ts ~ts ~ts~n    BEAM  ~ts~n    ours  ~ts~n",
                  [Name, string:uppercase(atom_to_list(Verdict)), maps:get(Name, known(otp()), ""), text(Reference),
                   text(Ours)]).

text(Outcome) ->
    Text = lists:flatten(io_lib:format("~0tp", [Outcome])),
    case length(Text) of
        Long when Long > 2000 -> [lists:sublist(Text, 2000), "..."];
        _ -> Text
    end.
