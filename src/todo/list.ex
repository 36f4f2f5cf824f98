defmodule Todo.List do
  @moduledoc """
  A to-do list as a value: what is on disk and what the functions here take and return.

  The functions are computed on the node, by the code that the list servers use; nothing is stored by them.

      Todo.List.new()
      |> Todo.List.add_entry(%{date: ~D[2023-12-19], title: "Dentist"})
      |> Todo.List.entries(~D[2023-12-19])
  """

  defstruct next_id: 1, entries: %{}

  @type t :: %__MODULE__{next_id: pos_integer(), entries: %{optional(:todo.id()) => :todo.entry()}}

  @doc "An empty list."
  @spec new() :: t() | :todo.refused()
  def new, do: new([])

  @doc "A list of these entries, with ids from 1."
  @spec new(Enumerable.t()) :: t() | :todo.refused()
  def new(entries), do: call({:new, Enum.to_list(entries)})

  @doc "The number of entries."
  @spec size(t()) :: non_neg_integer() | :todo.refused()
  def size(todo_list), do: call({:size, todo_list})

  @doc "The list with one more entry, which gets the next id."
  @spec add_entry(t(), :todo.entry()) :: t() | :todo.refused()
  def add_entry(todo_list, entry), do: call({:add_entry, todo_list, entry})

  @doc "The entries of a date, by ascending id."
  @spec entries(t(), :todo.date()) :: [:todo.entry()] | :todo.refused()
  def entries(todo_list, date), do: call({:entries, todo_list, date})

  @doc "The list with the entry replaced by what the function makes of it; unchanged for an unknown id."
  @spec update_entry(t(), :todo.id(), (:todo.entry() -> :todo.entry())) :: t() | :todo.refused()
  def update_entry(%{entries: entries} = todo_list, entry_id, updater_fun) do
    case entries do
      %{^entry_id => old_entry} -> call({:put_entry, todo_list, entry_id, updater_fun.(old_entry)})
      %{} -> todo_list
    end
  end

  @doc "The list without the entry; unchanged for an unknown id."
  @spec delete_entry(t(), :todo.id()) :: t() | :todo.refused()
  def delete_entry(todo_list, entry_id), do: call({:delete_entry, todo_list, entry_id})

  defp call(request), do: :todo_call.call(GenServer, {__MODULE__, :todo.node()}, request)
end
