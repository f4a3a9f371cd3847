/* SPDX-License-Identifier: MIT */
/*
 * A trace header includes this at its end.  The stand-ins in tracepoint.h are
 * complete when they are read once, so there is nothing to generate.
 */
