/** Links that look like buttons; each is a real link, so it opens in a new tab too. */
import Button from "@mui/material/Button";
import { createLink, Link } from "@tanstack/react-router";

export const ButtonLink = createLink(Button);
export { Link };
