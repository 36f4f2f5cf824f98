defmodule SystemTest do
  use ExUnit.Case

  @today ~D[2024-03-04]

  test "the system is a child of anybody's supervisor" do
    {:ok, supervisor} = Supervisor.start_link([Todo.System], strategy: :one_for_one)
    [{Todo.System, system, :worker, _}] = Supervisor.which_children(supervisor)
    ids = for {id, _, _, _} <- Supervisor.which_children(system), do: id
    assert Enum.sort(ids) == [Todo.Cache, Todo.Database, Todo.List]
    assert {:ok, anna} = Todo.Server.start("anna")
    assert Todo.Server.entries(anna, @today) == []
    Supervisor.stop(supervisor)
    refute Process.alive?(system)
    assert Todo.Server.size(anna) == 0
  end

  test "it tells its supervisor of a crash, and is there again" do
    {:ok, supervisor} = Supervisor.start_link([Todo.System], strategy: :one_for_one)
    [{Todo.System, system, _, _}] = Supervisor.which_children(supervisor)
    {:ok, otto} = Todo.Server.start("otto")
    {:ok, id} = Todo.Server.add_entry!(otto, %{date: @today, title: "Bake"})
    monitor = Process.monitor(system)

    # SIGKILL: the node itself dies.
    {:os_pid, program} = :todo_node |> Process.whereis() |> port() |> Port.info(:os_pid)
    {"", 0} = System.cmd("kill", ["-KILL", "#{program}"])
    assert_receive {:DOWN, ^monitor, :process, ^system, {:shutdown, :noconnection}}, 30_000

    {:ok, cache} = Todo.Cache.start()
    again = Todo.Cache.server_process(cache, "otto")
    assert %{title: "Bake"} = Todo.Server.entry(again, id)

    Eventually.await(fn ->
      match?(
        [{Todo.System, pid, _, _}] when is_pid(pid) and pid != system,
        Supervisor.which_children(supervisor)
      )
    end)
  end

  test "start and start_link" do
    assert {:ok, one} = Todo.System.start()
    assert {:ok, other} = Todo.System.start_link()
    assert Supervisor.count_children(one) == Supervisor.count_children(other)
    assert {:ok, cache} = Todo.System.whereis(Todo.Cache)
    assert Todo.Cache.start() == {:ok, cache}
  end

  defp port(owner), do: owner |> Process.info(:links) |> elem(1) |> Enum.find(&is_port/1)
end
