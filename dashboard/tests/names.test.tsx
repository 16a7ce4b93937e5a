import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { fireEvent, render, screen, waitFor } from "@testing-library/react";
import type { ReactElement } from "react";
import { expect, test, vi } from "vitest";
import { api } from "../src/api/client";
import { type SignedIn, SignedInContext } from "../src/api/signedIn";
import { Language } from "../src/i18n/i18n";
import { linesOf, NamesCard } from "../src/settings/NamesCard";
import { NamedId, NamesContext } from "../src/ui/NamedId";

const BOSTON = {
  kind: "branch" as const,
  id: "BRC-907a70c3-1012-4037-b64c-e4228c38fb29",
  version: 3,
  name: "Boston",
  given_by: "prea",
  given_at: "2026-11-20T10:00:00Z",
};

function show(page: ReactElement, roles: string[]) {
  const signedIn = { me: { id: "p", name: "P", roles } } as unknown as SignedIn;
  vi.spyOn(api, "GET").mockImplementation(((path: string) =>
    Promise.resolve({
      data:
        path === "/api/v1/names"
          ? { items: [BOSTON] }
          : { items: [{ kind: "source", id: "CORP-1" }], more: false },
      response: new Response(),
    })) as never);
  return render(
    <QueryClientProvider client={new QueryClient()}>
      <SignedInContext value={signedIn}>
        <Language>{page}</Language>
      </SignedInContext>
    </QueryClientProvider>,
  );
}

const nameOf = (kind: string, id: string) => (kind === "branch" && id === "B1" ? "Boston" : "");

test("a name stands beside the id, and an id without a name stays as it was", () => {
  const { container } = render(
    <NamesContext value={nameOf}>
      <NamedId kind="branch" id="B1" />, <NamedId kind="source" id="B1" />
    </NamesContext>,
  );
  expect(container).toHaveTextContent("Boston · B1, B1");
});

test("a name is given after the version that was seen", async () => {
  const post = vi.spyOn(api, "POST").mockResolvedValue({ data: {}, response: new Response() });
  show(<NamesCard />, ["preparer"]);
  const input = await screen.findByLabelText(`Name of ${BOSTON.id}`);
  fireEvent.change(input, { target: { value: " Boston, Main St " } });
  const form = input.closest("form");
  if (form) fireEvent.submit(form);
  await waitFor(() =>
    expect(post).toHaveBeenCalledWith("/api/v1/names", {
      body: { kind: "branch", id: BOSTON.id, base: 3, name: "Boston, Main St" },
    }),
  );
});

test("who may not give names reads them", async () => {
  show(<NamesCard />, ["auditor"]);
  expect(await screen.findByText("Boston")).toBeVisible();
  expect(screen.queryByRole("textbox")).toBeNull();
});

test("what has a name comes first, and one that was taken back is listed once", () => {
  const lines = linesOf(
    [{ ...BOSTON, id: "B2", name: "" }, BOSTON],
    [
      { kind: "branch", id: "B2" },
      { kind: "source", id: "S1" },
    ],
  );
  expect(lines.map(({ id }) => id)).toEqual([BOSTON.id, "S1", "B2"]);
});
