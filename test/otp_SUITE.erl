%% Each operation is done twice by a process of this BEAM: with a gen_server on another BEAM node, and with ours. What
%% can be seen of it (value or exception, messages left in order, at once or after a timeout) must be equal.
-module(otp_SUITE).

-include_lib("common_test/include/ct.hrl").

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
      sys_get_state_of_supervisor => "OTP shows the private record of its supervisor; ours is a map",
      sys_log_events => "the events would hold copies of the state; the log stays empty",
      sys_change_code_suspended => "there is no code to change",
      sys_replace_state => "a fun cannot be run here",
      late_call_is_executed => ?GIVEN_UP, late_caller_is_dead => ?GIVEN_UP}.

every_operation_is_equal(Config) ->
    Operations = chosen(otp_calls:operations() ++ otp_signals:operations() ++ otp_system:operations()
                        ++ otp_nodes:operations()),
    Names = [Name || {Name, _, _} <- Operations],
    [] = Names -- lists:usort(Names),
    First = rows(Operations),
    Rows = again([Operation || {Operation, Row} <- lists:zip(Operations, First), not is_expected(Row)], First),
    Table = [lines(Row) || Row <- Rows],
    File = filename:join(?config(priv_dir, Config), "otp.txt"),
    ok = file:write_file(File, unicode:characters_to_binary(Table)),
    ct:pal("~ts~b operations, ~ts", [Table, length(Rows), File]),
    [] = [element(1, Row) || Row <- Rows, not is_expected(Row)].

rows(Operations) ->
    [References, Ours] = both(fun(Side) -> otp_case:outcomes(Side, Operations) end),
    [row(Row) || Row <- lists:zip3([Name || {Name, _, _} <- Operations], References, Ours)].

is_expected({_Name, Verdict, _, _}) ->
    Verdict =:= equal orelse Verdict =:= known.

%% On a machine that stood still for seconds even OTP answers late: what surprised is run once more, and that counts. What
%% really differs differs again.
again([], Rows) ->
    Rows;
again(Operations, Rows) ->
    ct:pal("run again: ~p", [[Name || {Name, _, _} <- Operations]]),
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
         {'DOWN', Monitor, process, Pid, Reason} -> ct:fail({Side, Reason})
     end || {Side, {Pid, Monitor}} <- Runs].

row({Name, Reference, Ours}) ->
    Verdict = case {Reference =:= Ours, is_map_key(Name, known())} of
                  {true, false} -> equal;
                  {false, true} -> known;
                  {false, false} -> different;
                  {true, true} -> equal_but_known
              end,
    {Name, Verdict, Reference, Ours}.

lines({Name, equal, Reference, _}) ->
    io_lib:format("~-45ts equal~n    both  ~ts~n", [Name, text(Reference)]);
lines({Name, Verdict, Reference, Ours}) ->
    io_lib:format("~-45ts ~ts ~ts~n    BEAM  ~ts~n    ours  ~ts~n",
                  [Name, string:uppercase(atom_to_list(Verdict)), maps:get(Name, known(), ""), text(Reference),
                   text(Ours)]).

text(Outcome) ->
    Text = lists:flatten(io_lib:format("~0tp", [Outcome])),
    case length(Text) of
        Long when Long > 2000 -> [lists:sublist(Text, 2000), "..."];
        _ -> Text
    end.
