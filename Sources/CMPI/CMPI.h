// The MPI calls of a courier. Swift sees neither handles, which are pointers in Open MPI and numbers in MPICH, nor
// constants that are casts.
//
// Called by one thread: MPI_THREAD_FUNNELED. An error ends the whole job, as MPI does by default.
#pragma once

#include <mpi.h>
#include <stddef.h>

typedef struct {
    MPI_Request raw;
} cmpi_request;

typedef struct {
    int tag, source, count;
} cmpi_envelope;

// 0, or -1 if there is no MPI with the required thread support.
static inline int cmpi_start(int *rank, int *size) {
    int provided = 0;
    if (MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided) != MPI_SUCCESS || provided < MPI_THREAD_FUNNELED)
        return -1;
    MPI_Comm_rank(MPI_COMM_WORLD, rank);
    MPI_Comm_size(MPI_COMM_WORLD, size);
    return 0;
}

// The bytes must not move until cmpi_sent() returns true.
static inline void cmpi_send(const void *bytes, int count, int to, int tag, cmpi_request *request) {
    MPI_Isend(bytes, count, MPI_BYTE, to, tag, MPI_COMM_WORLD, &request->raw);
}

static inline int cmpi_sent(cmpi_request *request) {
    int done = 0;
    MPI_Test(&request->raw, &done, MPI_STATUS_IGNORE);
    return done;
}

// Whether a message waits, and its envelope.
static inline int cmpi_probe(cmpi_envelope *envelope) {
    int found = 0;
    MPI_Status status;
    MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &found, &status);
    if (found) {
        envelope->tag = status.MPI_TAG;
        envelope->source = status.MPI_SOURCE;
        MPI_Get_count(&status, MPI_BYTE, &envelope->count);
    }
    return found;
}

static inline void cmpi_receive(void *bytes, const cmpi_envelope *envelope) {
    MPI_Recv(
        bytes, envelope->count, MPI_BYTE, envelope->source, envelope->tag, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
}

// A non-blocking barrier: complete when all ranks have arrived, as cmpi_sent() reports.
static inline void cmpi_farewell(cmpi_request *request) { MPI_Ibarrier(MPI_COMM_WORLD, &request->raw); }

static inline void cmpi_end(void) { MPI_Finalize(); }

static inline void cmpi_abort(int status) { MPI_Abort(MPI_COMM_WORLD, status); }
