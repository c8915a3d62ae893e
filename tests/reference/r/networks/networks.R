# Reference values of network measures: igraph for constraint, effective size's density, degrees, reciprocity, centralities,
# clustering and path length; plain matrix algebra for what igraph lacks. Run: Rscript networks.R (after make_inputs.py).
suppressPackageStartupMessages(library(igraph))
values <- data.frame(part = character(), unit = character(), quantity = character(), value = numeric())
add <- function(part, unit, quantity, value)
  values <<- rbind(values, data.frame(part = part, unit = unit, quantity = quantity, value = as.numeric(value)))

alters <- read.csv("alters.csv")
pairs <- read.csv("pairs.csv")
kinds <- c("large", "sme", "university", "agency")
for (ego in unique(alters$ego)) {
  own <- alters[alters$ego == ego, ]
  ties <- pairs[pairs$ego == ego & pairs$tie > 0, ]
  names <- as.character(own$alter)
  edges <- rbind(
    data.frame(from = "ego", to = names, weight = own$strength),
    data.frame(from = as.character(ties$alter_i), to = as.character(ties$alter_j), weight = ties$tie / 2)
  )
  network <- graph_from_data_frame(edges, directed = FALSE)
  add("ego", ego, "constraint", constraint(network, "ego", weights = rep(1, ecount(network))))
  add("ego", ego, "constraint_valued", constraint(network, "ego", weights = E(network)$weight))
  among <- delete_vertices(network, "ego")
  n <- vcount(among)
  if (n > 1) add("ego", ego, "density", edge_density(among))
  add("ego", ego, "ego_size", n)
  add("ego", ego, "effsize", n - mean(degree(among)))   # Burt: n less the partners' mean degree among themselves
  add("ego", ego, "efficiency", (n - mean(degree(among))) / n)
  p <- as.numeric(table(factor(own$kind, kinds))) / n
  add("ego", ego, "blau", 1 - sum(p^2))
  add("ego", ego, "iqv", (1 - sum(p^2)) * 4 / 3)
  add("ego", ego, "ei", (sum(own$kind != "sme") - sum(own$kind == "sme")) / n)
  s <- own$dependence / sum(own$dependence)
  add("ego", ego, "herfindahl", sum(s^2))
  add("ego", ego, "largest_share", max(s))
}

textbook <- list(one = make_star(2, "undirected"), two_open = make_star(3, "undirected"),
                 two_linked = make_full_graph(3), five_open = make_star(6, "undirected"))
for (name in names(textbook)) add("textbook", name, "constraint", constraint(textbook[[name]], 1))

respondents <- read.csv("respondents.csv")
nominations <- graph_from_data_frame(read.csv("nominations.csv"), vertices = respondents)
A <- as.matrix(as_adjacency_matrix(nominations))
S <- A * t(A)
U <- 1 * ((A + t(A)) > 0)
either <- as.undirected(nominations, mode = "collapse")
reached <- function(step) { W <- 1 * ((step %*% step) > 0); W[U > 0] <- 0; diag(W) <- 0; W }
weak <- list(strong = reached(S), any = reached(U))
n <- nrow(A)
D <- distances(either)
expose <- function(M, x) ifelse(rowSums(M) > 0, (M %*% x) / rowSums(M), NA)
found <- list(
  degree_out = degree(nominations, mode = "out"), degree_in = degree(nominations, mode = "in"), degree_any = degree(either),
  ties_strong = rowSums(S), ties_weak = rowSums(weak$strong), ties_weak_any = rowSums(weak$any),
  reciprocity = ifelse(rowSums(A) > 0, rowSums(S) / rowSums(A), NA),
  betweenness = betweenness(either, directed = FALSE, normalized = TRUE),
  closeness = apply(D, 1, function(d) { r <- sum(is.finite(d)) - 1
    if (r == 0) 0 else (r / (n - 1)) * r / sum(d[is.finite(d)]) }),
  adopted_out = expose(A, respondents$adopted), adopted_strong = expose(S, respondents$adopted),
  adopted_weak = expose(weak$strong, respondents$adopted), staff_any = expose(U, respondents$staff),
  staff_weak_any = as.numeric(weak$any %*% respondents$staff), staff_in = as.numeric(t(A) %*% respondents$staff)
)
for (quantity in names(found)) for (i in seq_len(n)) add("nominations", respondents$firm[i], quantity, found[[quantity]][i])
add("nominations", "", "share_mutual", reciprocity(nominations))

edges <- read.csv("landscape.csv")
two_mode <- graph_from_data_frame(edges, directed = FALSE)
V(two_mode)$type <- V(two_mode)$name %in% edges$partner
firms <- bipartite_projection(two_mode, which = "false", multiplicity = FALSE)  # else path lengths are weighted
add("landscape", "", "n_components", components(two_mode)$no)
add("landscape", "", "largest", max(components(two_mode)$csize))
add("landscape", "", "clustering", transitivity(firms, type = "global"))
core <- induced_subgraph(firms, which(components(firms)$membership == which.max(components(firms)$csize)))
add("landscape", "", "path_length", mean_distance(core))

values$value <- formatC(values$value, digits = 15, format = "g")
write.csv(values, "values.csv", row.names = FALSE, quote = FALSE)
