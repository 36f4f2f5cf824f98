defmodule Todo.Cache do
  @moduledoc """
  The cache on the node: a name gives the process of its list, the same one while that lives.

      {:ok, cache} = Todo.Cache.start()
      bob = Todo.Cache.server_process(cache, "bob")
      Todo.Server.add_entry(bob, %{date: ~D[2023-12-19], title: "Dentist"})
      Todo.Server.entries(bob, ~D[2023-12-19])
      #=> [%{date: ~D[2023-12-19], id: 1, title: "Dentist"}]
  """

  @doc "The pid of the cache that runs on the node, which is started where it is not running."
  @spec start() :: {:ok, pid()} | :todo.refused()
  def start, do: Todo.System.whereis(__MODULE__)

  @doc "The process of the list `name`, started if it is not running."
  @spec server_process(:todo.name()) :: Todo.Server.t() | :todo.refused()
  def server_process(name), do: server_process(cache(), name)

  @doc "The same, of a given cache."
  @spec server_process(GenServer.server(), :todo.name()) :: Todo.Server.t() | :todo.refused()
  def server_process(cache, name), do: :todo_call.call(GenServer, cache, {:server_process, name})

  @doc "The process of the list `name` if it is running."
  @spec whereis(:todo.name()) :: Todo.Server.t() | nil | :todo.refused()
  def whereis(name), do: :todo_call.call(GenServer, cache(), {:whereis, name})

  @doc "The names of the lists that are running."
  @spec names() :: [:todo.name()]
  def names, do: :todo_call.call(GenServer, cache(), :names)

  @doc "How many lists are running."
  @spec count() :: non_neg_integer()
  def count, do: :todo_call.call(GenServer, cache(), :count)

  defp cache, do: {__MODULE__, :todo.node()}
end
