import "@testing-library/jest-dom/vitest";
import { cleanup, configure } from "@testing-library/react";
import { afterEach } from "vitest";

// A machine that is busy with other tests needs more than the default second.
configure({ asyncUtilTimeout: 10_000 });
afterEach(cleanup);
